"""The bodies of `/audit`."""

from marshmallow import fields

from shared.chassis.pagination import PageQuerySchema
from shared.chassis.schemas import Schema, Text, Timestamp


class AuditQuerySchema(PageQuerySchema):
    """The filters of the audit log."""

    account_id = fields.UUID(load_default=None)
    actor_id = fields.UUID(load_default=None)
    action = Text(maximum=64, load_default=None)
    since = Timestamp(load_default=None)


class AuditEventSchema(Schema):
    """Who did what to whom, from where."""

    id = fields.UUID(required=True)
    occurred_at = Timestamp(required=True)
    action = fields.String(required=True)
    actor_id = fields.UUID(required=True, allow_none=True)
    actor_kind = fields.String(required=True, allow_none=True)
    credential_id = fields.UUID(required=True, allow_none=True)
    account_id = fields.UUID(required=True, allow_none=True)
    ip = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)


class AuditPageSchema(Schema):
    """One page of the audit log."""

    items = fields.List(fields.Nested(AuditEventSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

"""The bodies of `/activity`."""

from marshmallow import fields

from shared.chassis.pagination import PageQuerySchema
from shared.chassis.schemas import Schema, Text, Timestamp


class ActivityQuerySchema(PageQuerySchema):
    """The filters of the caller's own events."""

    action = Text(maximum=64, load_default=None)
    since = Timestamp(load_default=None)


class ActivitySchema(Schema):
    """What was done to the account."""

    id = fields.UUID(required=True)
    occurred_at = Timestamp(required=True)
    action = fields.String(required=True)
    actor_kind = fields.String(required=True, allow_none=True)
    credential_id = fields.UUID(required=True, allow_none=True)
    ip = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)


class ActivityPageSchema(Schema):
    """One page of events."""

    items = fields.List(fields.Nested(ActivitySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

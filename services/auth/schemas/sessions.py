"""The bodies of `/sessions`."""

from marshmallow import fields

from shared.chassis.schemas import Schema, Timestamp


class SessionSchema(Schema):
    """One sign-in on one device."""

    id = fields.UUID(required=True)
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True)
    ip = fields.String(required=True)
    user_agent = fields.String(required=True)
    current = fields.Boolean(required=True)


class SessionListSchema(Schema):
    """The living sessions, latest used first. An account has few: they come on one page."""

    items = fields.List(fields.Nested(SessionSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

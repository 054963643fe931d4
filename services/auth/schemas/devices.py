"""The bodies of `/devices`."""

from marshmallow import fields

from shared.chassis.schemas import Schema, Timestamp


class DeviceSchema(Schema):
    """A browser or app that has signed in before, and is recognised by its token."""

    id = fields.UUID(required=True)
    user_agent = fields.String(required=True)
    created_at = Timestamp(required=True)
    last_seen_at = Timestamp(required=True)
    current = fields.Boolean(required=True)


class DeviceListSchema(Schema):
    """The known devices, the latest seen first; they come on one page."""

    items = fields.List(fields.Nested(DeviceSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

"""The bodies of the API of lifecycle events."""

from marshmallow import fields, validate

from services.notifications.events.kinds import GROUPS, TYPES
from shared.chassis.pagination import PageQuerySchema, Position
from shared.chassis.schemas import Schema, Timestamp


class EventQuerySchema(PageQuerySchema):
    """The filters of the list of events."""

    cursor = Position(load_default=None, metadata={"type": "string"})
    type_ = fields.String(
        data_key="type",
        load_default=None,
        validate=validate.OneOf([*TYPES, *GROUPS]),
        metadata={"description": "One type, or all of a group."},
    )
    account_id = fields.UUID(load_default=None)
    organization_id = fields.UUID(load_default=None)


class LifecycleEventSchema(Schema):
    """Something that happened. It says no name and no address."""

    id = fields.UUID(required=True)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))
    account_id = fields.UUID(required=True, allow_none=True)
    organization_id = fields.UUID(required=True, allow_none=True)
    data = fields.Dict(
        required=True,
        attribute="content",
        metadata={"description": "What the type has beside ids: `roles`, `profile_version`, `changed`."},
    )
    occurred_at = Timestamp(required=True)


class EventPageSchema(Schema):
    """One page of events."""

    items = fields.List(fields.Nested(LifecycleEventSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    resume_cursor = fields.String(
        required=True,
        metadata={"description": "Behind the last event of this page, also where no other follows yet."},
    )

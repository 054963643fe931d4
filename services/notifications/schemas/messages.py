"""The bodies of the API of messages."""

from datetime import datetime, timedelta
from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.notifications.lanes import LANES
from services.notifications.models import ENDED, WAITING
from services.notifications.rendering.catalog import TEMPLATES
from services.notifications.schemas.fields import Address, VariableValues
from shared.chassis.clock import utcnow
from shared.chassis.pagination import PageQuerySchema
from shared.chassis.schemas import Locale, Schema, Text, Timestamp

LATEST = timedelta(days=366)


class RecipientSchema(Schema):
    """Whom to write to: an address or an account, and not both."""

    email = Address()
    user_id = fields.UUID()

    @marshmallow.validates_schema
    def _exactly_one(self, values: dict[str, Any], **_options: Any) -> None:
        if len(values) != 1:
            raise marshmallow.ValidationError("Give either email or user_id.")


def _is_near(moment: datetime) -> None:
    if moment > utcnow() + LATEST:
        raise marshmallow.ValidationError("A message can be scheduled for at most a year.")


class SendSchema(Schema):
    """A mail to be sent."""

    template = fields.String(
        required=True, validate=validate.Length(1, 100), metadata={"examples": sorted(TEMPLATES)}
    )
    to = fields.Nested(RecipientSchema, required=True)
    variables = VariableValues()
    locale = Locale(
        load_default=None,
        metadata={"description": "The reader's language; without it the account's, else English."},
    )
    topic = Text(minimum=1, maximum=100, load_default="general")
    send_at = Timestamp(load_default=None, allow_none=True, validate=_is_near)


class AcceptedSchema(Schema):
    """What was accepted, and where it stands."""

    id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf([*WAITING, "sending", *ENDED]))


class EventSchema(Schema):
    """Something that happened to a mail."""

    name = fields.String(required=True)
    detail = fields.String(required=True, allow_none=True)
    occurred_at = Timestamp(required=True)
    attempt = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The attempt's number."}
    )
    server = fields.String(required=True, allow_none=True, metadata={"description": "The mail server."})
    phase = fields.String(
        required=True, allow_none=True, metadata={"description": "How far the conversation came."}
    )
    started_at = Timestamp(required=True, allow_none=True)


class ShownRecipientSchema(Schema):
    """Whom a mail is for."""

    email = fields.String(required=True)
    user_id = fields.UUID(required=True, allow_none=True)


class NotificationSchema(AcceptedSchema):
    """A mail and where it stands."""

    template = fields.String(required=True)
    template_version = fields.Integer(required=True)
    locale = fields.String(required=True)
    topic = fields.String(required=True)
    lane = fields.String(required=True, validate=validate.OneOf(LANES))
    to = fields.Nested(ShownRecipientSchema, required=True)
    reason = fields.String(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    message_id = fields.String(required=True)
    send_at = Timestamp(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class NotificationWithTimelineSchema(NotificationSchema):
    """A mail, where it stands, and how it came there."""

    timeline = fields.List(fields.Nested(EventSchema), required=True)


class NotificationQuerySchema(PageQuerySchema):
    """The filters of the list."""

    status = fields.String(load_default=None, validate=validate.OneOf([*WAITING, "sending", *ENDED]))
    template = Text(maximum=100, load_default=None)
    to = Text(maximum=254, load_default=None, metadata={"description": "The exact address."})
    since = Timestamp(load_default=None)
    until = Timestamp(load_default=None)
    answer = Text(
        minimum=1,
        maximum=200,
        load_default=None,
        metadata={"description": "Words of a mail server's answer, as `550 mailbox`; all of them are there."},
    )


class NotificationPageSchema(Schema):
    """One page of mails."""

    items = fields.List(fields.Nested(NotificationSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ResolveSchema(Schema):
    """What became of a mail whose outcome was unknown."""

    outcome = fields.String(required=True, validate=validate.OneOf(["delivered", "failed"]))

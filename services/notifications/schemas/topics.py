"""The bodies of the API of topics."""

from marshmallow import fields, validate

from services.notifications.schemas.fields import ByLanguage
from shared.chassis.schemas import Schema, Text


class WrittenTopicSchema(Schema):
    """A topic as an administrator writes it."""

    title = ByLanguage(
        Text(minimum=1, maximum=100),
        required=True,
        validate=validate.Length(1, 50),
        metadata={"description": "By language."},
    )
    is_critical = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Nobody can switch it off; only API keys that were given it by name may use it."
        },
    )
    channels = fields.List(fields.String(validate=validate.OneOf(["email"])), load_default=lambda: ["email"])


class TopicSchema(WrittenTopicSchema):
    """What messages are about."""

    name = fields.String(required=True)


class TopicListSchema(Schema):
    """Every topic."""

    items = fields.List(fields.Nested(TopicSchema), required=True)

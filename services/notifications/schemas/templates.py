"""The bodies of the API of templates."""

from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.notifications.authoring.template_checks import NAME
from services.notifications.lanes import LANES
from services.notifications.rendering.catalog import ASK, SEND_AGAIN
from services.notifications.schemas.fields import ByLanguage, VariableValues
from shared.chassis.schemas import Locale, Pattern, Schema, Timestamp

LONGEST_SOURCE = 100_000
MOST_LANGUAGES = 50
_FORMS = ("subject", "text", "html", "markdown", "blocks")


class Code(fields.String):
    """A source of several lines, without NUL."""

    def __init__(self, description: str, *, longest: int = LONGEST_SOURCE) -> None:
        super().__init__(validate=validate.Length(1, longest), metadata={"description": description})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if "\x00" in text:
            raise marshmallow.ValidationError("Text must not contain NUL.")
        return text.replace("\r\n", "\n")


class WordingSchema(Schema):
    """What a template says in one language, in one of three forms: `subject` with `markdown`, `subject` with
    `text` and perhaps `html`, or `blocks`.
    """

    subject = Code("One line, in Jinja.", longest=1000)
    text = Code("The text part, in Jinja.")
    html = Code("The HTML part, in Jinja; without it, it is made of the text.")
    markdown = Code("Both parts, in Markdown with Jinja.")
    blocks = Code("A Jinja file that fills the blocks of the layouts, as Doorward's own templates do.")


class WrittenTemplateSchema(WordingSchema):
    """A template as an administrator writes it: one language, or all of them in `languages`."""

    locale = Locale(load_default="en", metadata={"description": "Which language the wording is in."})
    languages = ByLanguage(
        fields.Nested(WordingSchema),
        validate=validate.Length(1, MOST_LANGUAGES),
        metadata={"description": "Every language by its tag; takes the place of all that were there."},
    )
    lane = fields.String(validate=validate.OneOf(LANES))
    on_unknown = fields.String(
        validate=validate.OneOf([SEND_AGAIN, ASK]),
        metadata={"description": "What becomes of a message that a server may or may not have taken."},
    )

    @marshmallow.validates_schema
    def _say_something(self, values: dict[str, Any], **_options: Any) -> None:
        if ("languages" in values) == any(name in values for name in _FORMS):
            raise marshmallow.ValidationError("Give one wording, or languages.")


class NewTemplateSchema(WrittenTemplateSchema):
    """A new template."""

    name = fields.String(
        required=True,
        validate=Pattern(
            NAME.pattern,
            error="Small letters, digits, `_`, `.` and `-`, at most 64, beginning with a letter or digit.",
        ),
    )


class VersionQuerySchema(Schema):
    """Which version to show."""

    version = fields.Integer(load_default=None, validate=validate.Range(1, 2**31 - 1))


class TemplateVersionSchema(Schema):
    """A version of a template."""

    version = fields.Integer(required=True)
    is_built_in = fields.Boolean(required=True, metadata={"description": "Of a release of Doorward."})
    created_by = fields.UUID(required=True, allow_none=True)
    created_at = Timestamp(required=True)


class TemplateSummarySchema(Schema):
    """A template and what it takes."""

    name = fields.String(required=True)
    version = fields.Integer(required=True)
    is_built_in = fields.Boolean(required=True, metadata={"description": "Doorward has one of this name."})
    is_own = fields.Boolean(required=True, metadata={"description": "It is worded by the team."})
    is_internal = fields.Boolean(
        required=True, metadata={"description": "Only Doorward itself sends mails of this template."}
    )
    lane = fields.String(required=True, validate=validate.OneOf(LANES))
    on_unknown = fields.String(required=True, validate=validate.OneOf([SEND_AGAIN, ASK]))
    locales = fields.List(fields.String(), required=True)
    variables_schema = fields.Dict(required=True, metadata={"description": "JSON Schema of `variables`."})


class TemplateSchema(TemplateSummarySchema):
    """A template with what it says."""

    languages = fields.Dict(keys=fields.String(), values=fields.Nested(WordingSchema), required=True)
    versions = fields.List(fields.Nested(TemplateVersionSchema), required=True)


class TemplateListSchema(Schema):
    """Every template."""

    items = fields.List(fields.Nested(TemplateSummarySchema), required=True)


class PreviewSchema(WordingSchema):
    """Whom a preview is for, and a draft where the stored template is not meant."""

    locale = Locale(load_default="en")
    variables = VariableValues()
    version = fields.Integer(load_default=None, validate=validate.Range(1, 2**31 - 1))


class RenderedSchema(Schema):
    """A mail's content."""

    subject = fields.String(required=True)
    text = fields.String(required=True)
    html = fields.String(required=True)


class TestSchema(Schema):
    """What a test mail is filled with."""

    __test__ = False

    locale = Locale(load_default=None)
    variables = VariableValues()

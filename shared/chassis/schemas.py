"""The building stones of request and response schemas: strict by default.

Unknown members are refused, text carries no control characters (PostgreSQL cannot store NUL, and
terminals and mail headers obey the others), and is stored in NFC, so that equal text compares equal.
"""

import unicodedata
from typing import Any

import marshmallow
from marshmallow import fields, validate


def _has_control(text: str, *, allowed: str = "") -> bool:
    return any(unicodedata.category(mark) in {"Cc", "Cs"} and mark not in allowed for mark in text)


class Schema(marshmallow.Schema):
    """A schema that refuses what it does not know and keeps its declared order."""

    class Meta:
        unknown = marshmallow.RAISE


class Text(fields.String):
    """One line of text, trimmed, NFC, without control characters, ``minimum`` to ``maximum`` characters."""

    def __init__(self, *, minimum: int = 0, maximum: int, **options: Any) -> None:
        checks = [validate.Length(min=minimum, max=maximum), *options.pop("validate", [])]
        super().__init__(validate=checks, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if _has_control(text):
            raise marshmallow.ValidationError("Control characters are not allowed.")
        return unicodedata.normalize("NFC", text.strip())


class Secret(fields.String):
    """A password, code or token: taken as it is, never trimmed, never shown."""

    def __init__(self, *, minimum: int = 1, maximum: int, **options: Any) -> None:
        check = validate.Length(min=minimum, max=maximum)
        super().__init__(validate=check, load_only=True, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if _has_control(text):
            raise marshmallow.ValidationError("Control characters are not allowed.")
        return text


class Timestamp(fields.AwareDateTime):
    """A moment on the wire: RFC 3339 with an offset."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)


class ProblemSchema(Schema):
    """RFC 9457 problem details, as every error of every process is answered."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable, snake_case; branch on this."})
    request_id = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Dict(keys=fields.String(), values=fields.String()))

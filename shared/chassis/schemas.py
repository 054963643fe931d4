"""The building stones of request and response schemas: strict by default.

Unknown members are refused, text carries no control characters (PostgreSQL cannot store NUL, and
terminals and mail headers obey the others), and is stored in NFC, so that equal text compares equal.
"""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

import idna
import marshmallow
from marshmallow import fields, validate

from shared.chassis import locales, names

# RFC 3986: what a URL consists of; no user information, and other characters come percent-encoded.
_HTTPS_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?")


def _has_control(text: str, *, allowed: str = "") -> bool:
    return any(unicodedata.category(mark) in {"Cc", "Cs"} and mark not in allowed for mark in text)


class Schema(marshmallow.Schema):
    """A schema that refuses what it does not know and keeps its declared order."""

    class Meta:
        unknown = marshmallow.RAISE


class Pattern(validate.Regexp):
    """The whole text matches; documented as a pattern that JavaScript reads in the same way (ECMA-262)."""

    def __init__(self, pattern: str, *, error: str) -> None:
        super().__init__(f"^{pattern}$", error=error)
        self._whole = re.compile(pattern)

    def __call__(self, value: str) -> str:  # type: ignore[override]  # marshmallow takes bytes as well
        """``value``; raises ValidationError. Python's ``$`` alone would take a line end after it."""
        if self._whole.fullmatch(value) is None:
            raise marshmallow.ValidationError(str(self.error))
        return value


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


class PersonName(Text):
    """What somebody is called: one line, nothing in it that cannot be seen."""

    def __init__(self, *, minimum: int = 1, maximum: int = names.LONGEST, **options: Any) -> None:
        super().__init__(minimum=minimum, maximum=maximum, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        try:
            return names.checked(text)
        except names.NameInvalid as error:
            raise marshmallow.ValidationError(str(error)) from error


class HttpsUrl(Text):
    """An https URL that leads to a public host: no credentials, nothing that has to be escaped or hidden."""

    def __init__(self, *, maximum: int = 2048, **options: Any) -> None:
        super().__init__(minimum=9, maximum=maximum, metadata={"format": "uri"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if not _HTTPS_URL.fullmatch(text) or not _is_host(urlsplit(text)):
            raise marshmallow.ValidationError("Not an https URL of a public host.")
        return text


def _is_host(url: SplitResult) -> bool:
    """Whether the URL names a host by a domain name, a port at most beside it."""
    try:
        host, _port = url.hostname or "", url.port
        idna.encode(host, uts46=False, std3_rules=True)
    except (ValueError, UnicodeError):
        return False
    return "." in host and not host.endswith(".") and not host.rpartition(".")[2].isdecimal()


class Locale(fields.String):
    """A language tag (RFC 5646) in its canonical form, whatever letter case it came in."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        try:
            return locales.canonical(text)
        except locales.LocaleInvalid as error:
            raise marshmallow.ValidationError(str(error)) from error


class Timestamp(fields.AwareDateTime):
    """A moment on the wire: RFC 3339, with any offset when it comes and with ``Z`` when it goes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **options: Any) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **options)
        try:
            return moment.astimezone(UTC)
        except OverflowError as error:
            raise marshmallow.ValidationError("This moment is outside the calendar.") from error


class ProblemSchema(Schema):
    """RFC 9457 problem details, as every error of every process is answered."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable, snake_case; branch on this."})
    request_id = fields.String(required=True, allow_none=True)
    errors = fields.List(fields.Dict(keys=fields.String(), values=fields.String()))

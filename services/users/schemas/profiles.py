"""The bodies of users' API."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import marshmallow
from marshmallow import fields, validate

from shared.chassis.address_field import EmailAddress
from shared.chassis.pagination import PageQuerySchema, Position
from shared.chassis.schemas import HttpsUrl, Locale, PersonName, Schema, Text, Timestamp


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


def _known_timezone(name: str) -> None:
    if name not in _timezones():
        raise marshmallow.ValidationError("Not a time zone of the IANA database.")


class Metadata(fields.Dict):
    """A JSON object of the team's own: keys are text, and no text holds what PostgreSQL cannot store."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        metadata: Any = super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        if _holds_nul(metadata):
            raise marshmallow.ValidationError("Text must not contain NUL.")
        return metadata


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _holds_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))


class PublicProfileSchema(Schema):
    """What anybody who is signed in may see of another."""

    id = fields.UUID(required=True)
    name = fields.String(required=True, allow_none=True)
    avatar_url = fields.String(required=True, allow_none=True)


class ProfileSchema(PublicProfileSchema):
    """The whole profile: for its owner and for administrators."""

    email = fields.Email(required=True)
    locale = fields.String(required=True)
    timezone = fields.String(required=True)
    is_active = fields.Boolean(required=True)
    roles = fields.List(fields.String(), required=True)
    metadata = fields.Dict(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class ProfilePatchSchema(Schema):
    """A merge patch (RFC 7396): members that are absent stay, null removes."""

    name = PersonName(allow_none=True)
    avatar_url = HttpsUrl(allow_none=True)
    locale = Locale()
    timezone = fields.String(validate=[validate.Length(max=64), _known_timezone])
    metadata = Metadata(allow_none=True)


class ProfileQuerySchema(PageQuerySchema):
    """The filters of the administrators' list."""

    cursor = Position(load_default=None, metadata={"type": "string"})
    q = Text(maximum=200, load_default=None, metadata={"description": "Part of the name or address."})
    email = EmailAddress(load_default=None, metadata={"description": "The exact address."})
    is_active = fields.Boolean(load_default=None)
    created_after = Timestamp(load_default=None)
    sort = fields.String(load_default="-created_at", validate=validate.OneOf(["created_at", "-created_at"]))


class ProfilePageSchema(Schema):
    """One page of profiles."""

    items = fields.List(fields.Nested(ProfileSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

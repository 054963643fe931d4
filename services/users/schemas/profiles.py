"""The bodies of users' API."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

import marshmallow
from marshmallow import fields, validate

from services.users.schemas.avatars import AvatarUrl
from shared.chassis.schemas import Locale, PersonName, Schema, Timestamp


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
    public_metadata = fields.Dict(required=True)


class ProfileSchema(PublicProfileSchema):
    """The whole profile, as its owner sees it."""

    email = fields.Email(required=True)
    locale = fields.String(required=True)
    timezone = fields.String(required=True)
    is_active = fields.Boolean(required=True)
    roles = fields.List(fields.String(), required=True)
    metadata = fields.Dict(required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


class AdministeredProfileSchema(ProfileSchema):
    """The whole profile, with what only administrators see."""

    admin_metadata = fields.Dict(required=True)


class ProfilePatchSchema(Schema):
    """A merge patch (RFC 7396): members that are absent stay, null removes."""

    name = PersonName(allow_none=True)
    avatar_url = AvatarUrl(allow_none=True)
    locale = Locale()
    timezone = fields.String(validate=[validate.Length(max=64), _known_timezone])
    metadata = Metadata(allow_none=True, metadata={"description": "Seen by the owner and administrators."})
    public_metadata = Metadata(allow_none=True, metadata={"description": "Seen by everybody signed in."})


class AdministeredPatchSchema(ProfilePatchSchema):
    """A merge patch of an administrator."""

    admin_metadata = Metadata(
        allow_none=True, metadata={"description": "Seen by administrators, and in its owner's export."}
    )


class ProfilePageSchema(Schema):
    """One page of profiles."""

    items = fields.List(fields.Nested(AdministeredProfileSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    estimated_total = fields.Integer(
        required=True,
        metadata={"description": "About how many match in all; exact where one page shows them."},
    )


class PublicProfilePageSchema(Schema):
    """The profiles that were asked for by id."""

    items = fields.List(fields.Nested(PublicProfileSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True, metadata={"description": "Always null."})

"""The fields that several bodies share."""

import unicodedata
from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.auth.passwords.policy import MAXIMUM_LENGTH
from shared.chassis.address_field import EmailAddress as Email
from shared.chassis.schemas import Locale, Secret

__all__ = ["ChosenOrganization", "Code", "Email", "Locale", "Password", "Token", "TypedCode"]

_SEPARATORS = {"Pd", "Cf"}  # beside blanks and line ends: dashes, and what cannot be seen
_LONGEST_TYPED = 64


class Password(Secret):
    """A password as typed. Whether a new one is good enough is the policy's to say."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=4 * MAXIMUM_LENGTH, **options)


class TypedCode(fields.String):
    """A code as people type and paste it: blanks, dashes and wide digits make no other code of it."""

    def __init__(self, *, maximum: int, **options: Any) -> None:
        super().__init__(validate=validate.Length(min=6, max=maximum), load_only=True, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) > _LONGEST_TYPED:
            raise marshmallow.ValidationError("This is longer than any code.")
        plain = "".join(mark for mark in unicodedata.normalize("NFKC", text) if not _separates(mark))
        if not plain.isprintable():
            raise marshmallow.ValidationError("Control characters are not allowed.")
        return plain


def _separates(mark: str) -> bool:
    return mark.isspace() or unicodedata.category(mark) in _SEPARATORS


class Code(TypedCode):
    """A six-digit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(maximum=6, **options)


class Token(Secret):
    """What a link or an earlier answer carried."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=200, **options)


class ChosenOrganization(fields.UUID):
    """The organization that the new session works for."""

    def __init__(self, **options: Any) -> None:
        text = "One of the caller's organizations: access tokens have it with the role as `org`."
        super().__init__(allow_none=True, load_default=None, metadata={"description": text}, **options)

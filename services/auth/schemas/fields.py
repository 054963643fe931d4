"""The fields that several bodies share."""

from typing import Any

import marshmallow
from email_validator import EmailNotValidError, validate_email
from flask import current_app
from marshmallow import fields, validate

from services.auth.deps import deps
from services.auth.passwords.policy import MAXIMUM_LENGTH
from shared.chassis.schemas import Secret, Text

LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
LOCALE = r"[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[A-Za-z0-9]{5,8})*\Z"


class Email(Text):
    """An address that mail could reach, case-folded: the form in which addresses are compared."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("metadata", {"format": "email"})
        super().__init__(minimum=3, maximum=LONGEST_EMAIL, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if len(text) > LONGEST_EMAIL:
            raise marshmallow.ValidationError("An address has at most 254 characters.")
        try:
            checked = validate_email(
                text, check_deliverability=False, test_environment=_takes_test_addresses()
            )
        except EmailNotValidError as error:
            raise marshmallow.ValidationError("This is not an e-mail address.") from error
        return checked.normalized.casefold()


def _takes_test_addresses() -> bool:
    """``ada@app.test`` is an address where developers try things out, and nowhere else."""
    return bool(current_app) and deps().settings.is_development


class Password(Secret):
    """A password as typed. Whether a new one is good enough is the policy's to say."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=4 * MAXIMUM_LENGTH, **options)


class Code(Secret):
    """A six-digit code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=6, maximum=6, **options)


class Token(Secret):
    """What a link or an earlier answer carried."""

    def __init__(self, **options: Any) -> None:
        super().__init__(minimum=1, maximum=200, **options)


class Locale(fields.String):
    """A BCP 47 language tag."""

    def __init__(self, **options: Any) -> None:
        checks = [validate.Length(max=35), validate.Regexp(LOCALE, error="Not a BCP 47 language tag.")]
        super().__init__(validate=checks, **options)

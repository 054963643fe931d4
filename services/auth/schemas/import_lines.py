"""One line of an import or export."""

from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.auth.schemas.accounts import ROLE
from services.auth.schemas.fields import Email, Locale
from shared.chassis.schemas import PersonName, Schema, Timestamp


def _check_printable(text: str) -> None:
    if not text.isascii() or not text.isprintable():
        raise marshmallow.ValidationError("Only printable ASCII characters are allowed.")


class ImportedAccountSchema(Schema):
    """An account that comes from elsewhere. ``id``: the one that other systems know it by.

    ``totp_secret``: of its authenticator app, in base32.
    """

    id = fields.UUID(load_default=None, allow_none=True)
    email = Email(required=True)
    password_hash = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(max=1000), _check_printable]
    )
    name = PersonName(minimum=0, load_default=None, allow_none=True)
    locale = Locale(load_default="en")
    roles = fields.List(fields.String(validate=ROLE), load_default=list, validate=validate.Length(max=32))
    verified = fields.Boolean(load_default=False)
    active = fields.Boolean(load_default=True)
    created_at = Timestamp(load_default=None, allow_none=True)
    totp_secret = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[A-Z2-7]{16,128}=*\Z", error="This is not base32."),
    )

    @marshmallow.pre_load
    def _is_an_object(self, line: Any, **_options: Any) -> Any:
        """Refuse a line that is JSON and no object."""
        if not isinstance(line, dict):
            raise marshmallow.ValidationError("A line is one JSON object.")
        return line

"""The bodies of `/email`: changes of address."""

from typing import Any

import marshmallow

from services.auth.schemas.fields import Code, Email, Password, Token
from shared.chassis.schemas import Schema, Secret


class EmailChangeSchema(Schema):
    """The next address, with the password, and a code where the account has a second factor."""

    new_email = Email(required=True)
    password = Password(required=True)
    code = Secret(minimum=6, maximum=32, load_default=None)


class EmailUndoSchema(Schema):
    """The token of the link that went to the former address."""

    token = Token(required=True)


class EmailConfirmationSchema(Schema):
    """The code of the mail; or the token of its link, with the password where nobody is signed in."""

    code = Code()
    token = Token()
    password = Password()

    @marshmallow.validates_schema
    def check_form(self, data: dict[str, Any], **_options: Any) -> None:
        """One of the forms, not a mixture."""
        form = {name for name in ("code", "token", "password") if name in data}
        if form not in ({"code"}, {"token"}, {"token", "password"}):
            raise marshmallow.ValidationError("Send code, or token, or token and password.")

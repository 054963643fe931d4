"""The bodies of `/email`: changes of address."""

from typing import Any

import marshmallow

from services.auth.schemas.fields import Code, Email, Password, Token
from shared.chassis.schemas import Schema


class EmailChangeSchema(Schema):
    """The next address."""

    new_email = Email(required=True)
    password = Password(required=True)


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

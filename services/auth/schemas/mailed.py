"""What mails have to do with: an address, and the code or token of a mail."""

from typing import Any

import marshmallow

from services.auth.schemas.fields import ChosenOrganization, Code, Email, Token
from shared.chassis.schemas import Schema


class CodeSchema(Schema):
    """A code that was mailed to the caller."""

    code = Code(required=True)


class EmailSchema(Schema):
    """An address."""

    email = Email(required=True)


class CodeOrTokenSchema(Schema):
    """The code of a mail with its address, or the token of its link."""

    email = Email()
    code = Code()
    token = Token()

    @marshmallow.validates_schema
    def check_form(self, data: dict[str, Any], **_options: Any) -> None:
        """One of the two forms, not a mixture."""
        form = {name for name in ("email", "code", "token") if name in data}
        if form not in ({"token"}, {"email", "code"}):
            raise marshmallow.ValidationError("Send either token, or email and code.")


class MailedSignInSchema(CodeOrTokenSchema):
    """What was mailed, to sign in with."""

    organization_id = ChosenOrganization()

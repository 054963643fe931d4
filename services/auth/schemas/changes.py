"""The bodies of changes to password and address."""

from services.auth.schemas.fields import Code, Email, Password
from services.auth.schemas.sign_in import CodeOrTokenSchema
from shared.chassis.schemas import Schema


class ResetSchema(CodeOrTokenSchema):
    """A new password, with the code or the token of the reset mail."""

    password = Password(required=True)


class PasswordChangeSchema(Schema):
    """The present password and the next."""

    current_password = Password(required=True)
    new_password = Password(required=True)


class EmailChangeSchema(Schema):
    """The next address."""

    new_email = Email(required=True)
    password = Password(required=True)


class CodeSchema(Schema):
    """A code that was mailed to the caller."""

    code = Code(required=True)

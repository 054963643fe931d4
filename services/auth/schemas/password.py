"""The bodies of `/password`."""

from marshmallow import fields

from services.auth.schemas.fields import Password
from services.auth.schemas.mailed import CodeOrTokenSchema
from shared.chassis.schemas import Schema


class ResetSchema(CodeOrTokenSchema):
    """A new password, with the code or the token of the reset mail."""

    password = Password(required=True)
    keep_api_keys = fields.Boolean(load_default=False)
    keep_passkeys = fields.Boolean(load_default=False)


class PasswordChangeSchema(Schema):
    """The present password and the next."""

    current_password = Password(required=True)
    new_password = Password(required=True)

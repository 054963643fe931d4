"""The body of `/reauthenticate`."""

from services.auth.schemas.fields import Password
from shared.chassis.schemas import Schema, Secret


class ReauthenticationSchema(Schema):
    """The caller's own password, and a code where the account has a second factor."""

    password = Password(required=True)
    code = Secret(minimum=6, maximum=32, load_default=None)


class PasswordSchema(Schema):
    """The caller's own password, to prove oneself again."""

    password = Password(required=True)

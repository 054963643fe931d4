"""The body of `/reauthenticate`."""

from services.auth.schemas.fields import Password
from shared.chassis.schemas import Schema


class PasswordSchema(Schema):
    """The caller's own password, to prove oneself again."""

    password = Password(required=True)

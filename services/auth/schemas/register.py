"""The body of `/register`."""

from services.auth.schemas.fields import Email, Locale, Password
from shared.chassis.schemas import PersonName, Schema


class RegisterSchema(Schema):
    """A new account."""

    email = Email(required=True)
    password = Password(required=True)
    name = PersonName(load_default=None, allow_none=True)
    locale = Locale(load_default="en")

"""The body of `/login`."""

from services.auth.schemas.fields import ChosenOrganization, Email, Password
from shared.chassis.schemas import Schema


class SignInSchema(Schema):
    """An address and its password."""

    email = Email(required=True)
    password = Password(required=True)
    organization_id = ChosenOrganization()

"""The bodies of `/mfa`: second factors."""

from marshmallow import fields

from services.auth.schemas.fields import ChosenOrganization, Token, TypedCode
from shared.chassis.schemas import Schema


class SecondFactorSchema(Schema):
    """A code of the authenticator, or a recovery code, for a sign-in that waits for it."""

    mfa_token = Token(required=True)
    code = TypedCode(required=True, maximum=32)
    organization_id = ChosenOrganization()


class AuthenticatorSchema(Schema):
    """What an authenticator app is set up with; shown once."""

    secret = fields.String(required=True)
    otpauth_uri = fields.String(required=True)
    qr_svg = fields.String(required=True)


class NewRecoveryCodesSchema(Schema):
    """Ten single-use codes; shown once."""

    recovery_codes = fields.List(fields.String(), required=True)


class FactorsSchema(Schema):
    """The second factors of the account."""

    totp = fields.Boolean(required=True)
    recovery_codes_left = fields.Integer(required=True)

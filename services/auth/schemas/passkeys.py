"""The bodies of `/passkeys`."""

from marshmallow import fields

from services.auth.schemas.fields import ChosenOrganization, Token
from shared.chassis.schemas import Schema, Text, Timestamp


class CeremonySchema(Schema):
    """What the browser's credential call is given, and the token to send back with its answer."""

    passkey_token = fields.String(required=True)
    options = fields.Dict(required=True)


class NewPasskeySchema(Schema):
    """What `navigator.credentials.create` answered, as `PublicKeyCredential.toJSON()` writes it."""

    passkey_token = Token(required=True)
    credential = fields.Dict(keys=fields.String(), required=True)
    name = Text(minimum=1, maximum=100, load_default="Passkey")


class PasskeySignInSchema(Schema):
    """What `navigator.credentials.get` answered, as `PublicKeyCredential.toJSON()` writes it."""

    passkey_token = Token(required=True)
    credential = fields.Dict(keys=fields.String(), required=True)
    organization_id = ChosenOrganization()


class PasskeyNameSchema(Schema):
    """A passkey's other name."""

    name = Text(minimum=1, maximum=100, required=True)


class PasskeySchema(Schema):
    """A passkey."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    is_backed_up = fields.Boolean(required=True)
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True, allow_none=True)


class PasskeyListSchema(Schema):
    """The account's passkeys, newest first; they come on one page."""

    items = fields.List(fields.Nested(PasskeySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

"""One line of an import or export."""

import string
from typing import Any

import marshmallow
from marshmallow import fields, validate
from webauthn.helpers import base64url_to_bytes, decode_credential_public_key
from webauthn.helpers.exceptions import WebAuthnException

from services.auth.factors.passkeys import MOST_PASSKEYS
from services.auth.schemas.accounts import ROLE
from services.auth.schemas.fields import Email, Locale
from shared.chassis.schemas import PersonName, Schema, Text, Timestamp

MOST_CODES = 20
_BASE64URL = frozenset(string.ascii_letters + string.digits + "-_")


def _check_printable(text: str) -> None:
    if not text.isascii() or not text.isprintable():
        raise marshmallow.ValidationError("Only printable ASCII characters are allowed.")


class Base64Url(fields.Field[bytes]):
    """Bytes as base64url without padding (RFC 4648 section 5)."""

    def __init__(self, *, longest: int, **options: Any) -> None:
        super().__init__(**options)
        self._longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bytes:
        if not isinstance(value, str) or not value or not set(value) <= _BASE64URL:
            raise marshmallow.ValidationError("This is not base64url.")
        if len(value) > 2 * self._longest:
            raise marshmallow.ValidationError("This is too long.")
        try:
            return base64url_to_bytes(value)
        except ValueError as error:
            raise marshmallow.ValidationError("This is not base64url.") from error


def _check_public_key(key: bytes) -> None:
    try:
        decode_credential_public_key(key)
    except (WebAuthnException, ValueError, TypeError, KeyError) as error:
        raise marshmallow.ValidationError("This is no public key of a passkey (COSE).") from error


class ImportedPasskeySchema(Schema):
    """A passkey as a server keeps it. It works on, as long as the domain is the same."""

    credential_id = Base64Url(longest=1023, required=True)
    public_key = Base64Url(longest=2000, required=True, validate=_check_public_key)
    sign_count = fields.Integer(load_default=0, strict=True, validate=validate.Range(0, 2**32 - 1))
    transports = fields.List(
        fields.String(validate=validate.Length(max=32)), load_default=list, validate=validate.Length(max=8)
    )
    is_backed_up = fields.Boolean(load_default=False)
    name = Text(minimum=1, maximum=100, load_default="Passkey")
    created_at = Timestamp()


class ImportedAccountSchema(Schema):
    """An account that comes from elsewhere. ``id``: the one that other systems know it by.

    ``totp_secret``: of its authenticator app, in base32. ``recovery_codes``: as their owner has them; or
    ``recovery_code_hashes`` and ``recovery_code_key``, as another Doorward exports them.
    """

    id = fields.UUID(load_default=None, allow_none=True)
    email = Email(required=True)
    password_hash = fields.String(
        load_default=None, allow_none=True, validate=[validate.Length(max=1000), _check_printable]
    )
    name = PersonName(minimum=0, load_default=None, allow_none=True)
    locale = Locale(load_default="en")
    roles = fields.List(fields.String(validate=ROLE), load_default=list, validate=validate.Length(max=32))
    verified = fields.Boolean(load_default=False)
    active = fields.Boolean(load_default=True)
    created_at = Timestamp(load_default=None, allow_none=True)
    totp_secret = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[A-Z2-7]{16,128}=*\Z", error="This is not base32."),
    )

    recovery_codes = fields.List(
        fields.String(validate=validate.Length(min=6, max=64)),
        load_default=list,
        validate=validate.Length(max=MOST_CODES),
    )
    recovery_code_hashes = fields.List(
        fields.String(validate=validate.Regexp(r"[0-9a-f]{64}\Z", error="This is not a hash.")),
        load_default=list,
        validate=validate.Length(max=MOST_CODES),
    )
    recovery_code_key = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"[0-9a-f]{64}\Z", error="This is not a key."),
    )
    passkeys = fields.List(
        fields.Nested(ImportedPasskeySchema), load_default=list, validate=validate.Length(max=MOST_PASSKEYS)
    )

    @marshmallow.validates_schema
    def _check_recovery_codes(self, line: dict[str, Any], **_options: Any) -> None:
        """Hashes belong to an id and a key; codes to an authenticator, in whose place they serve."""
        if line["recovery_code_hashes"] and None in (line["id"], line["recovery_code_key"]):
            raise marshmallow.ValidationError("needs id and recovery_code_key", "recovery_code_hashes")
        has_codes = line["recovery_codes"] or line["recovery_code_hashes"]
        if has_codes and line["totp_secret"] is None:
            raise marshmallow.ValidationError("needs totp_secret", "recovery_codes")

    @marshmallow.pre_load
    def _is_an_object(self, line: Any, **_options: Any) -> Any:
        """Refuse a line that is JSON and no object."""
        if not isinstance(line, dict):
            raise marshmallow.ValidationError("A line is one JSON object.")
        return line

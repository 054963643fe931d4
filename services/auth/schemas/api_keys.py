"""The bodies of `/api-keys`."""

from typing import Any

import marshmallow
from marshmallow import fields, validate

from services.auth.api_keys.scopes import SEND_SCOPE_OF_TOPIC, all_scopes, is_known
from services.auth.deps import deps
from shared.chassis.clock import utcnow
from shared.chassis.schemas import Schema, Text, Timestamp

_FEW = validate.Length(max=100)


def _check_scope(scope: str) -> None:
    """Refuse a scope that neither Doorward nor the operator has declared."""
    declared = deps().settings.scopes
    if not is_known(scope, declared):
        known = ", ".join([*all_scopes(declared), SEND_SCOPE_OF_TOPIC])
        raise marshmallow.ValidationError(f"Must be one of: {known}.")


class NewApiKeySchema(Schema):
    """A key to be made."""

    name = Text(minimum=1, maximum=100, required=True)
    scopes = fields.List(fields.String(validate=_check_scope), load_default=list, validate=_FEW)
    expires_at = Timestamp(load_default=None, allow_none=True)

    @marshmallow.validates_schema
    def check_expiry(self, data: dict[str, Any], **_options: Any) -> None:
        """A key that is dead at birth is a mistake."""
        expires_at = data.get("expires_at")
        if expires_at is not None and expires_at <= utcnow():
            raise marshmallow.ValidationError("This time is over.", "expires_at")


class ApiKeySchema(Schema):
    """A key, without the key."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True, allow_none=True)
    expires_at = Timestamp(required=True, allow_none=True)


class CreatedApiKeySchema(ApiKeySchema):
    """A key that was just made; the only time that it is seen whole."""

    key = fields.String(required=True)


class ApiKeyListSchema(Schema):
    """The caller's keys, newest first; they come on one page."""

    items = fields.List(fields.Nested(ApiKeySchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

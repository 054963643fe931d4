"""The bodies of account administration, audit, API keys, introspection and revocation."""

from typing import Any

import marshmallow
from flask import request
from marshmallow import fields, validate

from services.auth.api_keys import SCOPES
from services.auth.schemas.fields import Email
from shared.chassis.clock import utcnow
from shared.chassis.pagination import PageQuerySchema
from shared.chassis.schemas import Schema, Text, Timestamp

ROLE = validate.Regexp(r"[a-z][a-z0-9_-]{0,31}\Z", error="A role is a short lower-case word.")


class AccountSchema(Schema):
    """An account, for administrators."""

    id = fields.UUID(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True, allow_none=True, attribute="display_name")
    locale = fields.String(required=True)
    roles = fields.List(fields.String(), required=True)
    is_active = fields.Boolean(required=True)
    verified_at = Timestamp(required=True, allow_none=True)
    created_at = Timestamp(required=True)
    last_sign_in_at = Timestamp(required=True, allow_none=True)
    deletes_at = Timestamp(required=True, allow_none=True)


class RefusalSchema(Schema):
    """Why tries are being refused: what is counted, and how often that refused one."""

    kind = fields.String(required=True)
    failures = fields.Integer(required=True)
    refusals = fields.Integer(required=True)
    blocked_until = Timestamp(required=True, allow_none=True)


class RefusalQuerySchema(Schema):
    """Whose refusals: those of an address, known or not, or of a client address."""

    email = Email(load_default=None)
    ip = fields.IP(load_default=None)


class RefusalListSchema(Schema):
    """What is counted, the latest first; it comes on one page."""

    items = fields.List(fields.Nested(RefusalSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AccountDetailSchema(AccountSchema):
    """An account, and what is counted against it."""

    refusals = fields.List(fields.Nested(RefusalSchema), required=True)


class AccountPageSchema(Schema):
    """One page of accounts."""

    items = fields.List(fields.Nested(AccountSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AccountQuerySchema(PageQuerySchema):
    """The filters of the list of accounts."""

    q = Text(maximum=200, load_default=None, metadata={"description": "How the address begins."})
    email = Email(load_default=None)
    is_active = fields.Boolean(load_default=None)
    role = fields.String(load_default=None, validate=ROLE)


class AccountPatchSchema(Schema):
    """What an administrator changes."""

    is_active = fields.Boolean()
    roles = fields.List(fields.String(validate=ROLE), validate=validate.Length(max=32))


class AuditQuerySchema(PageQuerySchema):
    """The filters of the audit log."""

    account_id = fields.UUID(load_default=None)
    actor_id = fields.UUID(load_default=None)
    action = Text(maximum=64, load_default=None)
    since = Timestamp(load_default=None)


class AuditEventSchema(Schema):
    """Who did what to whom, from where."""

    id = fields.UUID(required=True)
    occurred_at = Timestamp(required=True)
    action = fields.String(required=True)
    actor_id = fields.UUID(required=True, allow_none=True)
    account_id = fields.UUID(required=True, allow_none=True)
    ip = fields.String(required=True, allow_none=True)
    user_agent = fields.String(required=True, allow_none=True)
    request_id = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)


class AuditPageSchema(Schema):
    """One page of the audit log."""

    items = fields.List(fields.Nested(AuditEventSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class NewApiKeySchema(Schema):
    """A key to be made."""

    name = Text(minimum=1, maximum=100, required=True)
    scopes = fields.List(fields.String(validate=validate.OneOf(SCOPES)), load_default=list)
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


class TokenFormSchema(Schema):
    """A token, as RFC 7662 and RFC 7009 send it: as a form."""

    class Meta:
        """The RFCs let clients send more, which is passed over."""

        unknown = marshmallow.EXCLUDE

    # Any text: what cannot be a token is one that is not active, and no mistake of the form's.
    token = fields.String(required=True, load_only=True, validate=validate.Length(max=8192))
    token_type_hint = fields.String()

    @marshmallow.validates_schema
    def _take_one_token(self, _form: dict[str, Any], **_options: Any) -> None:
        """Refuse a parameter that comes twice (RFC 6749 section 3.2): which one was meant?"""
        if len(request.form.getlist("token")) > 1:
            raise marshmallow.ValidationError("Send one token.", "token")


class IntrospectionSchema(Schema):
    """What a token is worth; only ``active`` where it is worth nothing (RFC 7662 section 2.2)."""

    class Meta:
        """Members that are absent are not invented."""

        unknown = marshmallow.INCLUDE

    active = fields.Boolean(required=True)

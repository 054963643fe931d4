"""The bodies of `/accounts`, for administrators."""

from marshmallow import fields, validate

from services.auth.schemas.fields import Email, Locale
from services.auth.schemas.refusals import RefusalSchema
from shared.chassis.pagination import PageQuerySchema
from shared.chassis.schemas import Pattern, Schema, Text, Timestamp

ROLE = Pattern(r"[a-z][a-z0-9_-]{0,31}", error="A role is a short lower-case word.")


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


class NewAccountSchema(Schema):
    """An account that an administrator makes for somebody."""

    email = Email(required=True)
    name = Text(minimum=1, maximum=200, load_default=None, allow_none=True)
    locale = Locale(load_default="en")
    roles = fields.List(fields.String(validate=ROLE), load_default=list, validate=validate.Length(max=32))
    invite = fields.Boolean(load_default=True)


class DeletionSchema(Schema):
    """When the account will be gone."""

    deletes_at = Timestamp(required=True)


class AccountPatchSchema(Schema):
    """What an administrator changes."""

    is_active = fields.Boolean()
    roles = fields.List(fields.String(validate=ROLE), validate=validate.Length(max=32))

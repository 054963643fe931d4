"""The bodies of registration, sign-in and sessions."""

from typing import Any

import marshmallow
from marshmallow import fields

from services.auth.schemas.fields import Code, Email, Locale, Password, Token
from shared.chassis.schemas import Schema, Secret, Text, Timestamp


class RegisterSchema(Schema):
    """A new account."""

    email = Email(required=True)
    password = Password(required=True)
    name = Text(minimum=1, maximum=200, load_default=None, allow_none=True)
    locale = Locale(load_default="en")


class StatusSchema(Schema):
    """What was begun; the same whether or not the address is known."""

    status = fields.String(required=True)


class EmailSchema(Schema):
    """An address."""

    email = Email(required=True)


class CodeOrTokenSchema(Schema):
    """The code of a mail with its address, or the token of its link."""

    email = Email()
    code = Code()
    token = Token()

    @marshmallow.validates_schema
    def check_form(self, data: dict[str, Any], **_options: Any) -> None:
        """One of the two forms, not a mixture."""
        form = {name for name in ("email", "code", "token") if name in data}
        if form not in ({"token"}, {"email", "code"}):
            raise marshmallow.ValidationError("Send either token, or email and code.")


class SignInSchema(Schema):
    """An address and its password."""

    email = Email(required=True)
    password = Password(required=True)


class PasswordSchema(Schema):
    """The caller's own password, to prove oneself again."""

    password = Password(required=True)


class RefreshSchema(Schema):
    """A refresh token, unless the Authorization header carries it."""

    refresh_token = Secret(maximum=200)


class TokenPairSchema(Schema):
    """What a client holds of its session."""

    access_token = fields.String(required=True)
    refresh_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})


class CookieSessionSchema(Schema):
    """How long the cookies live that hold a browser's session."""

    expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})
    refresh_expires_in = fields.Integer(required=True, metadata={"description": "Seconds."})


class SessionSchema(Schema):
    """One sign-in on one device."""

    id = fields.UUID(required=True)
    created_at = Timestamp(required=True)
    last_used_at = Timestamp(required=True)
    ip = fields.String(required=True)
    user_agent = fields.String(required=True)
    current = fields.Boolean(required=True)


class SessionListSchema(Schema):
    """The living sessions, latest used first. An account has few: they come on one page."""

    items = fields.List(fields.Nested(SessionSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)

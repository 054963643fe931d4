"""The bodies of `/introspect` and `/revoke`, as their RFCs have them."""

from typing import Any

import marshmallow
from flask import request
from marshmallow import fields, validate

from shared.chassis.schemas import Schema


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
    """The result of an introspection; only ``active`` for an invalid token (RFC 7662 section 2.2)."""

    class Meta:
        """Members that are absent are not invented."""

        unknown = marshmallow.INCLUDE

    active = fields.Boolean(required=True)

"""`/api/v1/auth/introspect`: introspection of tokens (RFC 7662)."""

from typing import Any

from flask import Response, jsonify

from services.auth.schemas.introspect import IntrospectionSchema, TokenFormSchema
from services.auth.sessions import introspection
from shared.chassis.access import requires_scope
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "introspect",
    __name__,
    url_prefix="/api/v1/auth/introspect",
    description="Ask whether a token is valid (RFC 7662).",
)


_FORM = TokenFormSchema()  # one for all requests: of a class, webargs makes another each time


@blueprint.post("")
@requires_scope("tokens:introspect")
@blueprint.arguments(_FORM, location="form", error_status_code=400)
@blueprint.response(200, IntrospectionSchema)
def introspect(form: dict[str, Any]) -> Response:
    """Introspect a token (RFC 7662): an access token, a refresh token or an API key.

    `token_type_hint` is ignored: every kind is tried, as section 2.1 allows.
    """
    response = jsonify(introspection.introspect(form["token"]))
    response.headers["Cache-Control"] = "no-store"
    return response

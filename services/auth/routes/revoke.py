"""`/api/v1/auth/revoke`: ending what a token stands for (RFC 7009)."""

from typing import Any

from flask import Response

from services.auth.schemas.introspect import TokenFormSchema
from services.auth.sessions import introspection
from services.auth.throttling.limits import limited
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "revoke", __name__, url_prefix="/api/v1/auth/revoke", description="Revoke a token (RFC 7009)."
)


@blueprint.post("")
@public
@limited("sign_in_limit")
@blueprint.arguments(TokenFormSchema, location="form", error_status_code=400)
@blueprint.response(200)
def revoke(form: dict[str, Any]) -> Response:
    """Revoke a token: end its session or delete its API key (RFC 7009). Whoever has the token may do so.

    The response is the same for an invalid token; `token_type_hint` is ignored.
    """
    introspection.revoke(form["token"])
    return Response(status=200)

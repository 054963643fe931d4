"""`/.well-known/jwks.json`: the public keys that access tokens can be verified with."""

from flask import Response, jsonify

from services.auth.deps import deps
from services.auth.schemas.well_known import KeySetSchema
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("well_known", __name__, url_prefix="/.well-known", description="Public keys")


@blueprint.get("/jwks.json")
@public
@blueprint.response(200, KeySetSchema)
def show_keys() -> Response:
    """The public keys (RFC 7517), each published before it signs; none while the shared secret signs."""
    response = jsonify(keys=deps().signing_keys.published())
    # Whoever keeps the answer that long still knows a new key before it signs.
    response.headers["Cache-Control"] = f"public, max-age={deps().settings.key_publication_seconds // 2}"
    return response

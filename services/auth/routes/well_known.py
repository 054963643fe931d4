"""`/.well-known/jwks.json`: the public keys that access tokens can be verified with."""

from typing import Any

from services.auth.schemas.keys import KeySetSchema
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("well_known", __name__, url_prefix="/.well-known", description="Public keys")


@blueprint.get("/jwks.json")
@public
@blueprint.response(200, KeySetSchema)
def show_keys() -> dict[str, Any]:
    """The public keys (RFC 7517); none while tokens are signed with the shared secret."""
    return {"keys": []}

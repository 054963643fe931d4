"""`/.well-known/…`: the public keys of access tokens, and what auth says of itself."""

from flask import Response, jsonify

from services.auth import metadata
from services.auth.deps import deps
from services.auth.schemas.well_known import KeySetSchema, ServerMetadataSchema
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "well_known",
    __name__,
    url_prefix="/.well-known",
    description="The public keys of access tokens, and the server's metadata.",
)


@blueprint.get("/jwks.json")
@public
@blueprint.response(200, KeySetSchema)
def show_keys() -> Response:
    """Get the public keys (RFC 7517). Empty while tokens are signed with the shared secret."""
    return _cacheable(jsonify(keys=deps().signing_keys.published()))


@blueprint.get("/oauth-authorization-server")
@public
@blueprint.response(200, ServerMetadataSchema)
def show_metadata() -> Response:
    """Get the issuer of access tokens and the URLs of its keys, introspection and revocation (RFC 8414)."""
    return _cacheable(jsonify(metadata.describe()))


def _cacheable(response: Response) -> Response:
    # Whoever keeps the keys that long still knows a new one before it signs.
    response.headers["Cache-Control"] = f"public, max-age={deps().settings.key_publication_seconds // 2}"
    return response

"""`/api/v1/users/avatars`: the pictures that accounts show, for everybody."""

from typing import Any

from flask import Response, request

from services.users.avatars import uploads
from services.users.schemas.avatars import AvatarQuerySchema
from shared.chassis.access import public
from shared.chassis.openapi import Blueprint

FOREVER = "public, max-age=31536000, immutable"

blueprint = Blueprint(
    "avatars",
    __name__,
    url_prefix="/api/v1/users/avatars",
    description="The pictures of accounts, for everybody.",
)


@blueprint.get("/<string(length=64):name>.webp")
@public
@blueprint.arguments(AvatarQuerySchema, location="query")
@blueprint.response(
    200, {"type": "string", "format": "binary"}, content_type="image/webp", description="The picture."
)
def show(query: dict[str, Any], name: str) -> Response:
    """Get a picture. Its URL changes with its content, so it can be cached forever."""
    side = query["size"]
    response = Response(uploads.get(name, side), content_type="image/webp")
    response.set_etag(f"{name}-{side}")
    response.headers["Cache-Control"] = FOREVER
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.make_conditional(request)
    return response

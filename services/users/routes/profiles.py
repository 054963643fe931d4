"""`/api/v1/users`: other people's profiles."""

from typing import Any
from uuid import UUID

import orjson
from flask import Response, jsonify

from services.users.profiles import listing, reading
from services.users.schemas.profiles import (
    ProfilePageSchema,
    ProfileQuerySchema,
    ProfileSchema,
    PublicProfileSchema,
)
from shared.chassis.access import caller, requires_role, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("profiles", __name__, url_prefix="/api/v1/users", description="Profiles")


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(ProfileQuerySchema, location="query")
@blueprint.response(200, ProfilePageSchema)
def search(query: dict[str, Any]) -> Response:
    """The profiles that match, newest first unless asked otherwise."""
    page = listing.search(**query)
    items = [_fields(ProfileSchema, shown) for shown in page["items"]]
    return jsonify(items=items, next_cursor=page["next_cursor"])


@blueprint.get("/<uuid:account_id>")
@signed_in
@blueprint.response(
    200,
    {"anyOf": [ProfileSchema, PublicProfileSchema]},
    description="The whole profile for its owner and for administrators, else what everybody may see.",
)
def show(account_id: UUID) -> Response:
    """What the caller may see of a profile."""
    who = caller()
    is_whole = who.is_admin or who.account_id == account_id
    shown = reading.get(account_id)
    if is_whole:
        return Response(shown.content, content_type="application/json")
    return jsonify(_fields(PublicProfileSchema, orjson.loads(shown.content)))


def _fields(schema: type[PublicProfileSchema], shown: dict[str, Any]) -> dict[str, Any]:
    return {name: shown[name] for name in schema._declared_fields}

"""`/api/v1/users`: other people's profiles."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify, request

from services.users.profiles import changes, listing, reading
from services.users.profiles.rendering import public_part
from services.users.routes.versions import ETAG, IF_MATCH, answer, expected_versions
from services.users.schemas.profiles import (
    AdministeredPatchSchema,
    AdministeredProfileSchema,
    ProfilePageSchema,
    ProfileSchema,
    PublicProfilePageSchema,
    PublicProfileSchema,
)
from services.users.schemas.search import ProfileQuerySchema
from services.users.schemas.stats import StatsSchema
from services.users.stats import counting
from shared.chassis.access import (
    RoleRequired,
    caller,
    require_role,
    requires_role,
    signed_in,
    signed_in_or_role,
)
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "profiles", __name__, url_prefix="/api/v1/users", description="Profiles of other accounts."
)


@blueprint.get("")
@signed_in_or_role("admin")
@blueprint.arguments(ProfileQuerySchema, location="query")
@blueprint.response(
    200,
    {"anyOf": [ProfilePageSchema, PublicProfilePageSchema]},
    description="Whole profiles for administrators; with `ids`, what everybody may see of these accounts.",
)
def search(query: dict[str, Any]) -> Response:
    """List the profiles that match (role `admin`), or the public fields of those in `ids`."""
    account_ids = query.pop("ids", None)
    if account_ids is not None:
        return jsonify(items=reading.list_public(account_ids), next_cursor=None)
    require_role("admin")
    return jsonify(listing.search(**query))


@blueprint.get("/<uuid:account_id>")
@signed_in
@blueprint.response(
    200,
    {"anyOf": [AdministeredProfileSchema, ProfileSchema, PublicProfileSchema]},
    description="The whole profile for administrators and its owner, else what everybody may see.",
)
def show(account_id: UUID) -> Response:
    """Get a profile: its public fields, or all of it for administrators."""
    who = caller()
    if who.is_admin:
        return answer(reading.get_whole(account_id))
    shown = reading.get(account_id)
    if who.account_id == account_id:
        return Response(shown.content, content_type="application/json")
    return jsonify(public_part(shown))


@blueprint.patch("/<uuid:account_id>")
@requires_role("admin")
@blueprint.doc(parameters=[IF_MATCH])
@blueprint.arguments(AdministeredPatchSchema, content_type="application/merge-patch+json")
@blueprint.response(200, AdministeredProfileSchema, headers=ETAG)
def change(patch: dict[str, Any], account_id: UUID) -> Response:
    """Change a profile with a merge patch (RFC 7396). Only administrators see `admin_metadata`."""
    return answer(
        changes.administer(
            account_id,
            patch,
            administrator_id=caller().account_id,
            expected_versions=expected_versions(),
        )
    )


@blueprint.get("/<uuid:account_id>/stats")
@signed_in
@blueprint.response(200, StatsSchema)
async def show_stats(account_id: UUID) -> Response:
    """Get the numbers of your own account, or of any for administrators. They are at most a minute old.

    With `Cache-Control: no-cache` they are counted again.
    """
    who = caller()
    if not who.is_admin and who.account_id != account_id:
        raise RoleRequired
    return jsonify(await counting.stats_of(account_id, anew=bool(request.cache_control.no_cache)))

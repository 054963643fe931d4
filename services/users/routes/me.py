"""`/api/v1/users/me`: the caller's own profile."""

from typing import Any

from flask import Response, request
from flask_jwt_extended import current_user

from services.users.cache.profiles import Cached
from services.users.profiles import changes
from services.users.schemas.profiles import ProfilePatchSchema, ProfileSchema
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("me", __name__, url_prefix="/api/v1/users/me", description="The caller's own profile")


@blueprint.get("")
@signed_in
@blueprint.response(200, ProfileSchema, headers={"ETag": {"schema": {"type": "string"}}})
@blueprint.alt_response(304, description="The profile is still the one that If-None-Match names.")
def show() -> Response:
    """The caller's profile, with an ETag for conditional requests (RFC 9110 section 13)."""
    return _answer(current_user.shown())


@blueprint.patch("")
@signed_in
@blueprint.arguments(ProfilePatchSchema, content_type="application/merge-patch+json")
@blueprint.response(200, ProfileSchema, headers={"ETag": {"schema": {"type": "string"}}})
def change(patch: dict[str, Any]) -> Response:
    """Change the profile by a merge patch (RFC 7396); If-Match guards against lost updates."""
    shown = changes.change(caller().account_id, patch, expected_versions=_expected_versions())
    return _answer(shown)


def _expected_versions() -> frozenset[int] | None:
    """The versions that If-Match names; none where its tags are of no version, None where any is welcome."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    return frozenset(int(tag) for tag in request.if_match.as_set() if tag.isdecimal() and len(tag) < 18)


def _answer(shown: Cached) -> Response:
    response = Response(shown.content, content_type="application/json")
    response.set_etag(str(shown.version))
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response

"""`/api/v1/users/me`: the caller's own profile."""

from typing import Any
from uuid import UUID

from flask import Response, current_app, jsonify, request, stream_with_context
from flask_jwt_extended import current_user

from services.users.avatars import pictures, uploads
from services.users.departures import asking
from services.users.exports import asking as exports
from services.users.exports import documents
from services.users.profiles import changes
from services.users.routes.versions import ETAG, IF_MATCH, IF_NONE_MATCH, answer, expected_versions
from services.users.schemas.avatars import AvatarSchema
from services.users.schemas.departures import DepartureSchema, LeaveSchema
from services.users.schemas.exports import ExportQuerySchema, ExportSchema
from services.users.schemas.profiles import ProfilePatchSchema, ProfileSchema
from services.users.settings import UsersSettings
from shared.chassis.access import caller, require_fresh_sign_in, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

FORMS = {
    "json": (documents.as_json, "application/json"),
    "html": (documents.as_html, "text/html; charset=utf-8"),
}
COPY_FORMS = {
    "application/json": {"schema": ExportSchema},
    "text/html": {"schema": {"type": "string"}},
}
COPY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}
PICTURES = ("image/png", "image/jpeg", "image/webp", "image/gif")

blueprint = Blueprint(
    "me",
    __name__,
    url_prefix="/api/v1/users/me",
    description="The caller's own profile, picture, data export and departure.",
)


@blueprint.get("")
@signed_in
@blueprint.doc(parameters=[IF_NONE_MATCH])
@blueprint.response(200, ProfileSchema, headers=ETAG)
@blueprint.alt_response(304, description="The profile is still the one that If-None-Match names.")
def show() -> Response:
    """Get your profile, with an ETag for conditional requests (RFC 9110 section 13)."""
    return answer(current_user.shown())


@blueprint.patch("")
@signed_in
@blueprint.doc(parameters=[IF_MATCH])
@blueprint.arguments(ProfilePatchSchema, content_type="application/merge-patch+json")
@blueprint.response(200, ProfileSchema, headers=ETAG)
def change(patch: dict[str, Any]) -> Response:
    """Change your profile with a merge patch (RFC 7396). Send `If-Match` to prevent lost updates."""
    return answer(changes.change(caller().account_id, patch, expected_versions=expected_versions()))


@blueprint.put("/avatar")
@signed_in
@blueprint.doc(requestBody={"required": True, "content": {media_type: {} for media_type in PICTURES}})
@blueprint.response(200, AvatarSchema)
def put_avatar() -> dict[str, Any]:
    """Upload your picture: PNG, JPEG, WebP or GIF, up to 5 MB. It is cropped to a square."""
    request.max_content_length = pictures.LARGEST_BYTES
    return {"avatar_url": uploads.put(caller().account_id, request.get_data(cache=False))}


@blueprint.delete("/avatar")
@signed_in
@blueprint.response(204)
def remove_avatar() -> None:
    """Remove your picture. An uploaded one is deleted."""
    uploads.remove(caller().account_id)


@blueprint.delete("")
@signed_in
@blueprint.arguments(LeaveSchema)
@blueprint.response(202, DepartureSchema)
def leave(body: dict[str, Any]) -> dict[str, Any]:
    """Delete your account after a grace period. All sessions end at once; signing in cancels the deletion."""
    who = caller()
    deletes_at = asking.ask(
        who.account_id,
        password=body["password"],
        session_id=who.session_id,
        ip=request.remote_addr or "",
        user_agent=request.user_agent.string,
    )
    return {"deletes_at": deletes_at}


@blueprint.post("/export")
@signed_in
@idempotent
@blueprint.response(202, ExportSchema)
def ask_for_export() -> dict[str, Any]:
    """Request a copy of all your data. A mail says when it is ready."""
    return exports.ask(caller().account_id)


@blueprint.get("/export/<uuid:export_id>")
@signed_in
@blueprint.doc(responses={"200": {"description": "How far the copy is, or the copy.", "content": COPY_FORMS}})
@blueprint.arguments(ExportQuerySchema, location="query")
@blueprint.response(200, ExportSchema)
def show_export(query: dict[str, Any], export_id: UUID) -> Response:
    """Get the progress of the copy, then the copy itself. Requires a recent sign-in."""
    export = exports.get(export_id, caller().account_id)
    head = ExportSchema().dump(exports.progress(export))
    if export.ready_at is None:
        return jsonify(head)
    settings: UsersSettings = current_app.extensions["doorward_settings"]
    require_fresh_sign_in(settings.fresh_sign_in_seconds)
    write, content_type = FORMS[query["format"]]
    content = stream_with_context(write(head, exports.document(export)))
    return Response(content, content_type=content_type, headers=COPY_HEADERS)

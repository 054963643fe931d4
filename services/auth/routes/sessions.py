"""`/api/v1/auth/sessions`: where the account is signed in."""

from typing import Any
from uuid import UUID

from services.auth.models import Session
from services.auth.schemas.sessions import SessionListSchema
from services.auth.sessions import sessions
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "sessions", __name__, url_prefix="/api/v1/auth/sessions", description="The caller's active sessions."
)


@blueprint.get("")
@signed_in
@blueprint.response(200, SessionListSchema)
def show_all() -> dict[str, Any]:
    """List your active sessions, most recently used first."""
    who = caller()
    items = [shown(session, who.session_id) for session in sessions.list_living(who.account_id)]
    return {"items": items, "next_cursor": None}


def shown(session: Session, current_id: UUID | None) -> dict[str, Any]:
    """A session as lists show it."""
    return {
        "id": session.id,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "ip": session.ip,
        "user_agent": session.user_agent,
        "current": session.id == current_id,
    }


@blueprint.delete("/<uuid:session_id>")
@signed_in
@blueprint.response(204)
def end(session_id: UUID) -> None:
    """End one session; its access token is refused within a second."""
    sessions.end_one(caller().account_id, session_id)

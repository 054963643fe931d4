"""`/api/v1/notifications/events`: what happened, for a team's own services."""

from typing import Any

from services.notifications.events import reading
from services.notifications.schemas.events import EventPageSchema, EventQuerySchema
from shared.chassis.access import requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "events",
    __name__,
    url_prefix="/api/v1/notifications/events",
    description="Events of accounts, profiles and organizations, for a team's own services.",
)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(EventQuerySchema, location="query")
@blueprint.response(200, EventPageSchema)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """List the events of accounts, profiles and organizations, oldest first.

    Follow `next_cursor` to the end. Later, continue with `resume_cursor`: each event is listed once.
    """
    return reading.list_after(**query)

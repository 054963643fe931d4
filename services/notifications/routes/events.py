"""`/api/v1/notifications/events`: what happened, for a team's own services."""

from typing import Any

from services.notifications.events import reading
from services.notifications.schemas.events import EventPageSchema, EventQuerySchema
from shared.chassis.access import requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "events", __name__, url_prefix="/api/v1/notifications/events", description="What happened"
)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(EventQuerySchema, location="query")
@blueprint.response(200, EventPageSchema)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """What happened to accounts, profiles and organizations, in order, the oldest first.

    Follow `next_cursor` to the end; later go on with `resume_cursor`, which shows each event once.
    """
    return reading.list_after(**query)

"""`/api/v1/auth/activity`: what was done to the caller's own account."""

from typing import Any

from services.auth import audit
from services.auth.schemas.activity import ActivityPageSchema, ActivityQuerySchema
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "activity",
    __name__,
    url_prefix="/api/v1/auth/activity",
    description="What happened to the caller's account.",
)


@blueprint.get("")
@signed_in
@blueprint.arguments(ActivityQuerySchema, location="query")
@blueprint.response(200, ActivityPageSchema)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """List the audit events of your own account, newest first."""
    return audit.search(account_id=caller().account_id, actor_id=None, **query)

"""`/api/v1/auth/refusals`: why tries are refused."""

from typing import Any

from services.auth.accounts import refusals
from services.auth.schemas.refusals import RefusalListSchema, RefusalQuerySchema
from shared.chassis.access import requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "refusals",
    __name__,
    url_prefix="/api/v1/auth/refusals",
    description="Find out why sign-ins are refused, for administrators.",
)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(RefusalQuerySchema, location="query")
@blueprint.response(200, RefusalListSchema)
def list_refusals(query: dict[str, Any]) -> dict[str, Any]:
    """List refused sign-ins of an account's or a client's address, or the latest hundred, with reasons."""
    return {"items": refusals.find_refusals(**query), "next_cursor": None}

"""`/internal`: what other Doorward processes may ask of notifications."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from services.notifications.holdings import HOLDINGS
from services.notifications.messages import messages
from services.notifications.models import db
from shared.chassis import holdings
from shared.chassis.access import internal
from shared.contracts.internal import StatsBody

blueprint = Blueprint("internal", __name__, url_prefix="/internal")


@blueprint.get("/accounts/<uuid:account_id>/export")
@internal
def export_account(account_id: UUID) -> Response:
    """All that is held on the account, as lines of JSON."""
    return holdings.streamed(db, HOLDINGS, account_id)


@blueprint.get("/accounts/<uuid:account_id>/stats")
@internal
def count_account(account_id: UUID) -> dict[str, Any]:
    """What is counted of the account, as `StatsBody`."""
    return StatsBody(counts=messages.count_for(account_id)).model_dump(mode="json")

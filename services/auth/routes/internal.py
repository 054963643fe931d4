"""`/internal`: what other Doorward processes may ask of auth."""

from typing import Any
from uuid import UUID

from flask import Blueprint

from services.auth import accounts
from shared.chassis.access import internal

blueprint = Blueprint("internal", __name__, url_prefix="/internal")


@blueprint.get("/accounts/<uuid:account_id>")
@internal
def show_account(account_id: UUID) -> dict[str, Any]:
    """The account, as `contracts.internal.AccountBody`."""
    return accounts.as_body(accounts.get(account_id)).model_dump(mode="json")

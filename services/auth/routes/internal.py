"""`/internal`: what other Doorward processes may ask of auth."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from services.auth.accounts import deletions, directory
from services.auth.api_keys import keys
from services.auth.clients import Client
from services.auth.holdings import HOLDINGS
from services.auth.models import db
from shared.chassis import holdings
from shared.chassis.access import internal
from shared.contracts.internal import (
    ApiKeyBody,
    DeletionAskedBody,
    DeletionBody,
    IssuedTokenBody,
    StatsBody,
)

blueprint = Blueprint("internal", __name__, url_prefix="/internal")


@blueprint.get("/accounts/<uuid:account_id>")
@internal
def show_account(account_id: UUID) -> dict[str, Any]:
    """The account, as `contracts.internal.AccountBody`."""
    return directory.as_body(directory.get(account_id)).model_dump(mode="json")


@blueprint.post("/accounts/<uuid:account_id>/deletion")
@internal
def ask_for_deletion(account_id: UUID) -> dict[str, Any]:
    """Delete the account in some days, as `DeletionAskedBody` says who asks; answers `DeletionBody`."""
    asked = DeletionAskedBody.model_validate_json(request.get_data())
    client = Client(ip=asked.ip, user_agent=asked.user_agent)
    deletes_at = deletions.ask(
        account_id, password=asked.password, session_id=asked.session_id, client=client
    )
    return DeletionBody(deletes_at=deletes_at).model_dump(mode="json")


@blueprint.get("/accounts/<uuid:account_id>/export")
@internal
def export_account(account_id: UUID) -> Response:
    """All that is held on the account, as lines of JSON."""
    return holdings.streamed(db, HOLDINGS, account_id)


@blueprint.get("/accounts/<uuid:account_id>/stats")
@internal
def count_account(account_id: UUID) -> dict[str, Any]:
    """What is counted of the account, as `StatsBody`."""
    return StatsBody(counts=directory.count(account_id)).model_dump(mode="json")


@blueprint.post("/api-keys/exchange")
@internal
def exchange_api_key() -> dict[str, Any]:
    """An access token for a program that came with `ApiKeyBody`; answers `IssuedTokenBody`."""
    body = ApiKeyBody.model_validate_json(request.get_data())
    token, seconds = keys.exchange(body.key)
    return IssuedTokenBody(access_token=token, expires_in=seconds).model_dump(mode="json")

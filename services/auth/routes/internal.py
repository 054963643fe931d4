"""`/internal`: what other Doorward processes may ask of auth."""

from typing import Any
from uuid import UUID

from flask import Blueprint, request

from services.auth.accounts import deletions, directory
from services.auth.api_keys import keys
from services.auth.clients import Client
from shared.chassis.access import internal
from shared.contracts.internal import ApiKeyBody, DeletionAskedBody, DeletionBody, IssuedTokenBody

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
    deletes_at = deletions.ask(account_id, asked.password, client)
    return DeletionBody(deletes_at=deletes_at).model_dump(mode="json")


@blueprint.post("/api-keys/exchange")
@internal
def exchange_api_key() -> dict[str, Any]:
    """An access token for a program that came with `ApiKeyBody`; answers `IssuedTokenBody`."""
    body = ApiKeyBody.model_validate_json(request.get_data())
    token, seconds = keys.exchange(body.key)
    return IssuedTokenBody(access_token=token, expires_in=seconds).model_dump(mode="json")

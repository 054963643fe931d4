"""`/api/v1/auth/api-keys`: keys for programs."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify

from services.auth.api_keys import keys
from services.auth.clients import current_client
from services.auth.models import ApiKey
from services.auth.schemas.api_keys import (
    ApiKeyListSchema,
    ApiKeySchema,
    CreatedApiKeySchema,
    NewApiKeySchema,
)
from shared.chassis.access import caller, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "api_keys",
    __name__,
    url_prefix="/api/v1/auth/api-keys",
    description="Keys for programs that act for an account.",
)


@blueprint.get("")
@signed_in
@blueprint.response(200, ApiKeyListSchema)
def show_all() -> dict[str, Any]:
    """List your API keys, newest first."""
    return {"items": keys.list_own(caller().account_id), "next_cursor": None}


@blueprint.post("")
@signed_in
@idempotent
@blueprint.arguments(NewApiKeySchema)
@blueprint.response(201, CreatedApiKeySchema)
def create(body: dict[str, Any]) -> Response:
    """Create an API key. The key itself is shown only in this response."""
    who = caller()
    made = keys.create(who.account_id, who.session_id, client=current_client(), **body)
    response = jsonify(**_shown(made.row), key=made.key)
    response.status_code = 201
    response.headers["Cache-Control"] = "no-store"
    return response


def _shown(row: ApiKey) -> dict[str, Any]:
    shown: dict[str, Any] = ApiKeySchema().dump(row)
    return shown


@blueprint.delete("/<uuid:key_id>")
@signed_in
@blueprint.response(204)
def delete(key_id: UUID) -> None:
    """Delete an API key. Access tokens issued for it are refused within a second."""
    keys.delete(caller().account_id, key_id, current_client())

"""`/api/v1/auth/accounts`, `/refusals` and `/audit`: administration."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
from flask import Response, stream_with_context

from services.auth import accounts, administration
from services.auth.clients import current_client
from services.auth.models import Account
from services.auth.schemas.administration import (
    AccountDetailSchema,
    AccountPageSchema,
    AccountPatchSchema,
    AccountQuerySchema,
    AccountSchema,
    AuditEventSchema,
    AuditPageSchema,
    AuditQuerySchema,
    RefusalListSchema,
    RefusalQuerySchema,
)
from services.auth.store import audit_events
from shared.chassis import pagination
from shared.chassis.access import caller, requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint("accounts", __name__, url_prefix="/api/v1/auth", description="Administration")
NDJSON = "application/x-ndjson"


@blueprint.get("/accounts")
@requires_role("admin")
@blueprint.arguments(AccountQuerySchema, location="query")
@blueprint.response(200, AccountPageSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """The accounts that match, newest first."""
    return administration.search(**query)


@blueprint.get("/accounts/<uuid:account_id>")
@requires_role("admin")
@blueprint.response(200, AccountDetailSchema)
def show(account_id: UUID) -> dict[str, Any]:
    """One account, and why sign-ins to it are being refused, if they are."""
    account = accounts.get(account_id)
    shown: dict[str, Any] = AccountSchema().dump(account)
    plain = {name: getattr(account, name) for name in shown if name != "name"}
    refusals = administration.list_refusals(account)
    return {**plain, "display_name": account.display_name, "refusals": refusals}


@blueprint.patch("/accounts/<uuid:account_id>")
@requires_role("admin")
@blueprint.arguments(AccountPatchSchema)
@blueprint.response(200, AccountSchema)
def change(body: dict[str, Any], account_id: UUID) -> Account:
    """Disable or enable an account, or give it other roles. In force at the gateway within a second."""
    return administration.change(account_id, actor_id=caller().account_id, **body)


@blueprint.post("/accounts/<uuid:account_id>/logout")
@requires_role("admin")
@blueprint.response(204)
def sign_out(account_id: UUID) -> None:
    """End every session of the account."""
    administration.sign_out(account_id, actor_id=caller().account_id)


@blueprint.post("/accounts/<uuid:account_id>/mfa/reset")
@requires_role("admin")
@blueprint.response(204)
def reset_second_factors(account_id: UUID) -> None:
    """Remove authenticator, recovery codes and passkeys of somebody who lost them."""
    administration.reset_second_factors(account_id, actor_id=caller().account_id, client=current_client())


@blueprint.get("/refusals")
@requires_role("admin")
@blueprint.arguments(RefusalQuerySchema, location="query")
@blueprint.response(200, RefusalListSchema)
def list_refusals(query: dict[str, Any]) -> dict[str, Any]:
    """Why guesses at an address, or from a client address, are refused; without either the hundred latest."""
    return {"items": administration.find_refusals(**query), "next_cursor": None}


@blueprint.get("/audit")
@requires_role("admin")
@blueprint.arguments(AuditQuerySchema, location="query")
@blueprint.response(200, AuditPageSchema)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """Who did what to whom, from where; newest first."""
    rows = audit_events.search(**{**query, "limit": query["limit"] + 1})
    return pagination.page_of(rows, limit=query["limit"], key=lambda event: event.id)


@blueprint.get("/audit/export")
@requires_role("admin")
@blueprint.arguments(AuditQuerySchema(exclude=("limit", "cursor")), location="query")
@blueprint.response(200, content_type=NDJSON, description="One JSON object a line.")
def export_events(query: dict[str, Any]) -> Response:
    """Every event that matches, as NDJSON."""
    return Response(stream_with_context(_lines(query)), mimetype=NDJSON)


def _lines(query: dict[str, Any]) -> Iterator[bytes]:
    schema = AuditEventSchema()
    for event in audit_events.iterate(**query):
        yield orjson.dumps(schema.dump(event)) + b"\n"

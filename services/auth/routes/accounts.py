"""`/api/v1/auth/accounts`: administration of accounts."""

from typing import Any
from uuid import UUID

from services.auth.accounts import administration, deletions, directory, invitations, refusals
from services.auth.clients import current_client
from services.auth.models import Account
from services.auth.routes.administrator import administrator
from services.auth.routes.sessions import shown
from services.auth.schemas.accounts import (
    AccountDetailSchema,
    AccountPageSchema,
    AccountPatchSchema,
    AccountQuerySchema,
    AccountSchema,
    DeletionSchema,
    NewAccountSchema,
)
from services.auth.schemas.api_keys import ApiKeyListSchema
from services.auth.schemas.sessions import SessionListSchema
from shared.chassis.access import requires_role
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "accounts",
    __name__,
    url_prefix="/api/v1/auth/accounts",
    description="Manage accounts, for administrators.",
)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(AccountQuerySchema, location="query")
@blueprint.response(200, AccountPageSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """List the accounts that match, newest first."""
    return administration.search(**query)


@blueprint.get("/<uuid:account_id>")
@requires_role("admin")
@blueprint.response(200, AccountDetailSchema)
def show(account_id: UUID) -> dict[str, Any]:
    """Get one account, and the reason if sign-ins to it are refused."""
    account = directory.get(account_id)
    shown: dict[str, Any] = AccountSchema().dump(account)
    plain = {name: getattr(account, name) for name in shown if name != "name"}
    counted = refusals.list_refusals(account)
    return {**plain, "display_name": account.display_name, "refusals": counted}


@blueprint.post("")
@requires_role("admin")
@idempotent
@blueprint.arguments(NewAccountSchema)
@blueprint.response(201, AccountSchema)
def create(body: dict[str, Any]) -> Account:
    """Create an account for somebody, and invite them by mail to choose a password."""
    return invitations.create(administrator(), **body)


@blueprint.patch("/<uuid:account_id>")
@requires_role("admin")
@blueprint.arguments(AccountPatchSchema)
@blueprint.response(200, AccountSchema)
def change(body: dict[str, Any], account_id: UUID) -> Account:
    """Disable or enable an account, or give it other roles. The gateway applies it within a second."""
    return administration.change(account_id, administrator(), **body)


@blueprint.delete("/<uuid:account_id>")
@requires_role("admin")
@blueprint.response(202, DeletionSchema)
def delete(account_id: UUID) -> dict[str, Any]:
    """Delete an account after the usual grace period; signing in before then cancels the deletion."""
    return {"deletes_at": deletions.ask_for(account_id, administrator())}


@blueprint.post("/<uuid:account_id>/logout")
@requires_role("admin")
@blueprint.response(204)
def sign_out(account_id: UUID) -> None:
    """End every session of the account."""
    administration.sign_out(account_id, administrator())


@blueprint.post("/<uuid:account_id>/unblock")
@requires_role("admin")
@blueprint.response(204)
def unblock(account_id: UUID) -> None:
    """Reset the failed sign-ins counted against the account, so that its owner can try again at once."""
    refusals.unblock(account_id, administrator())


@blueprint.post("/<uuid:account_id>/mfa/reset")
@requires_role("admin")
@blueprint.response(204)
def reset_second_factors(account_id: UUID) -> None:
    """Remove the authenticator, recovery codes and passkeys of an account whose owner has lost them."""
    administration.reset_second_factors(account_id, administrator())


@blueprint.get("/<uuid:account_id>/sessions")
@requires_role("admin")
@blueprint.response(200, SessionListSchema)
def list_sessions(account_id: UUID) -> dict[str, Any]:
    """List the sessions of the account, most recently used first."""
    who = administrator()
    items = [shown(session, who.session_id) for session in administration.list_sessions(account_id)]
    return {"items": items, "next_cursor": None}


@blueprint.delete("/<uuid:account_id>/sessions")
@requires_role("admin")
@blueprint.response(204)
def end_sessions(account_id: UUID) -> None:
    """End every session of the account."""
    administration.sign_out(account_id, administrator())


@blueprint.delete("/<uuid:account_id>/sessions/<uuid:session_id>")
@requires_role("admin")
@blueprint.response(204)
def end_session(account_id: UUID, session_id: UUID) -> None:
    """End one session of the account."""
    administration.end_session(account_id, session_id, administrator())


@blueprint.get("/<uuid:account_id>/api-keys")
@requires_role("admin")
@blueprint.response(200, ApiKeyListSchema)
def list_api_keys(account_id: UUID) -> dict[str, Any]:
    """List the account's API keys, newest first."""
    return {"items": administration.list_api_keys(account_id), "next_cursor": None}


@blueprint.delete("/<uuid:account_id>/api-keys")
@requires_role("admin")
@blueprint.response(204)
def delete_api_keys(account_id: UUID) -> None:
    """Delete every API key of the account and notify its owner."""
    administration.delete_api_keys(account_id, None, administrator(), current_client())


@blueprint.delete("/<uuid:account_id>/api-keys/<uuid:key_id>")
@requires_role("admin")
@blueprint.response(204)
def delete_api_key(account_id: UUID, key_id: UUID) -> None:
    """Delete an API key of the account and notify its owner."""
    administration.delete_api_keys(account_id, key_id, administrator(), current_client())

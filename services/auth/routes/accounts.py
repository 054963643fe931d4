"""`/api/v1/auth/accounts`: administration of accounts."""

from typing import Any
from uuid import UUID

from services.auth.accounts import administration, directory
from services.auth.clients import current_client
from services.auth.models import Account
from services.auth.schemas.accounts import (
    AccountDetailSchema,
    AccountPageSchema,
    AccountPatchSchema,
    AccountQuerySchema,
    AccountSchema,
)
from shared.chassis.access import caller, requires_role
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "accounts", __name__, url_prefix="/api/v1/auth/accounts", description="Administration of accounts"
)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(AccountQuerySchema, location="query")
@blueprint.response(200, AccountPageSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """The accounts that match, newest first."""
    return administration.search(**query)


@blueprint.get("/<uuid:account_id>")
@requires_role("admin")
@blueprint.response(200, AccountDetailSchema)
def show(account_id: UUID) -> dict[str, Any]:
    """One account, and why sign-ins to it are being refused, if they are."""
    account = directory.get(account_id)
    shown: dict[str, Any] = AccountSchema().dump(account)
    plain = {name: getattr(account, name) for name in shown if name != "name"}
    refusals = administration.list_refusals(account)
    return {**plain, "display_name": account.display_name, "refusals": refusals}


@blueprint.patch("/<uuid:account_id>")
@requires_role("admin")
@blueprint.arguments(AccountPatchSchema)
@blueprint.response(200, AccountSchema)
def change(body: dict[str, Any], account_id: UUID) -> Account:
    """Disable or enable an account, or give it other roles. In force at the gateway within a second."""
    return administration.change(account_id, actor_id=caller().account_id, **body)


@blueprint.post("/<uuid:account_id>/logout")
@requires_role("admin")
@blueprint.response(204)
def sign_out(account_id: UUID) -> None:
    """End every session of the account."""
    administration.sign_out(account_id)


@blueprint.post("/<uuid:account_id>/mfa/reset")
@requires_role("admin")
@blueprint.response(204)
def reset_second_factors(account_id: UUID) -> None:
    """Remove authenticator, recovery codes and passkeys of somebody who lost them."""
    administration.reset_second_factors(account_id, actor_id=caller().account_id, client=current_client())

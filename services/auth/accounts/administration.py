"""The use cases of administrators: search, disable, give roles, end sessions, reset second factors."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.accounts import sign_out as sign_out_use_case
from services.auth.clients import Client
from services.auth.errors import AccountNotFound, OwnAccount, SecondFactorsMissing
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account, Throttle, db
from services.auth.sessions import revocations, sessions
from services.auth.store import accounts, devices, factors, passkeys, throttles
from services.auth.throttling import attempts
from shared.chassis import pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import AccountDisabled, AccountEnabled, RolesChanged

MOST_REFUSALS = 100


def search(*, limit: int, **filters: Any) -> dict[str, Any]:
    """One page of accounts, newest first."""
    rows = accounts.search(limit=limit + 1, **filters)
    return pagination.page_of(rows, limit=limit, key=lambda account: account.id)


def list_refusals(account: Account) -> Sequence[Throttle]:
    """What is counted against the account now: why its owner, or somebody else, is being refused."""
    keys = attempts.keys_of_account(account.email, account.id, devices.ids_of(account.id))
    return throttles.find_many([key.hash for key in keys])


def find_refusals(*, email: str | None, ip: IPv4Address | IPv6Address | None) -> Sequence[Throttle]:
    """What is counted against an address, known or not, or a client address; or whatever refused of late."""
    keys = []
    if email is not None:
        keys.append(attempts.identifier_key(email))
    if ip is not None:
        keys.append(attempts.client_key(Client(ip=str(ip), user_agent="")))
    return throttles.find_many([key.hash for key in keys]) if keys else throttles.list_refused(MOST_REFUSALS)


def change(
    account_id: UUID, *, actor_id: UUID, is_active: bool | None = None, roles: list[str] | None = None
) -> Account:
    """Disable or enable an account, or give it other roles; raises AccountNotFound, OwnAccount."""
    if account_id == actor_id:
        raise OwnAccount
    with transaction(db):
        account = accounts.find_for_update(account_id)
        if account is None:
            raise AccountNotFound
        if is_active is not None and is_active != account.is_active:
            _switch(account, is_active, actor_id)
        if roles is not None and sorted(set(roles)) != account.roles:
            _give_roles(account, sorted(set(roles)), actor_id)
    return account


def _switch(account: Account, is_active: bool, actor_id: UUID) -> None:
    now = utcnow()
    account.is_active = is_active
    account.updated_at = now
    action = "account_enabled" if is_active else "account_disabled"
    audit.record(action, account_id=account.id, actor_id=actor_id)
    if is_active:
        messages.send(AccountEnabled(account_id=account.id, occurred_at=now))
        return
    account.version += 1
    sessions.end_all(account.id, reason="account_disabled")
    # Tokens of API keys too.
    revocations.revoke_account(account.id, now, below_version=account.version)
    messages.send(AccountDisabled(account_id=account.id, occurred_at=now, **outgoing.owner_of(account)))


def _give_roles(account: Account, roles: list[str], actor_id: UUID) -> None:
    now = utcnow()
    audit.record("roles_changed", account_id=account.id, actor_id=actor_id, before=account.roles, after=roles)
    account.roles = roles
    account.version += 1
    account.updated_at = now
    # A refresh gives a token with the new roles.
    revocations.revoke_account(account.id, now, below_version=account.version)
    messages.send(RolesChanged(account_id=account.id, roles=tuple(roles), occurred_at=now))


def sign_out(account_id: UUID) -> None:
    """End every session of the account; raises AccountNotFound."""
    with transaction(db):
        if accounts.find(account_id) is None:
            raise AccountNotFound
    sign_out_use_case.everywhere(account_id)


def reset_second_factors(account_id: UUID, *, actor_id: UUID, client: Client) -> None:
    """Remove what somebody lost: authenticator, recovery codes and passkeys.

    Raises AccountNotFound, SecondFactorsMissing.
    """
    with transaction(db):
        account = accounts.find(account_id)
        if account is None:
            raise AccountNotFound
        had_passkeys, had_totp = passkeys.remove_all(account_id), factors.remove_all(account_id)
        if not had_passkeys and not had_totp:
            raise SecondFactorsMissing
        outgoing.send_notice("mfa_changed", account, change="removed_by_administrator")
        audit.record("second_factors_reset", account_id=account_id, actor_id=actor_id, client=client)

"""The use cases of administrators: search, disable, give roles, end sessions, reset second factors."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.accounts import administrators, directory
from services.auth.accounts.administrators import Administrator
from services.auth.accounts.sign_out import everywhere
from services.auth.api_keys import keys
from services.auth.clients import Client
from services.auth.errors import AccountNotFound, SecondFactorsMissing
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account, ApiKey, Session, db
from services.auth.sessions import revocations, sessions
from services.auth.store import accounts, factors, passkeys
from shared.chassis import pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import AccountDisabled, AccountEnabled, RolesChanged


def search(*, limit: int, **filters: Any) -> dict[str, Any]:
    """One page of accounts, newest first."""
    rows = accounts.search(limit=limit + 1, **filters)
    return pagination.page_of(rows, limit=limit, key=lambda account: account.id)


def change(
    account_id: UUID, who: Administrator, *, is_active: bool | None = None, roles: list[str] | None = None
) -> Account:
    """Disable or enable an account, or give it other roles.

    Raises AccountNotFound, OwnAccount, FreshSignInRequired, RoleRequired.
    """
    with transaction(db):
        administrators.authorise(who, on=account_id)
        account = accounts.find_for_update(account_id)
        if account is None:
            raise AccountNotFound
        if is_active is not None and is_active != account.is_active:
            switch(account, is_active=is_active)
        if roles is not None and sorted(set(roles)) != account.roles:
            _give_roles(account, sorted(set(roles)))
    return account


def switch(account: Account, *, is_active: bool) -> None:
    """Disable or enable a locked account, in the caller's transaction."""
    now = utcnow()
    account.is_active = is_active
    account.updated_at = now
    action = "account_enabled" if is_active else "account_disabled"
    audit.record(action, account_id=account.id)
    if is_active:
        messages.send(AccountEnabled(account_id=account.id, occurred_at=now))
        return
    account.version += 1
    sessions.end_all(account.id, reason="account_disabled")
    # Tokens of API keys too.
    revocations.revoke_account(account.id, now, below_version=account.version)
    messages.send(AccountDisabled(account_id=account.id, occurred_at=now, **outgoing.owner_of(account)))


def _give_roles(account: Account, roles: list[str]) -> None:
    now = utcnow()
    audit.record("roles_changed", account_id=account.id, before=account.roles, after=roles)
    account.roles = roles
    account.version += 1
    account.updated_at = now
    # A refresh gives a token with the new roles.
    revocations.revoke_account(account.id, now, below_version=account.version)
    messages.send(RolesChanged(account_id=account.id, roles=tuple(roles), occurred_at=now))


def sign_out(account_id: UUID, who: Administrator) -> None:
    """End every session of the account; raises AccountNotFound, FreshSignInRequired, RoleRequired."""
    with transaction(db):
        administrators.authorise(who)
        _get(account_id)
    everywhere(account_id)


def _get(account_id: UUID) -> Account:
    account = accounts.find_for_update(account_id)
    if account is None:
        raise AccountNotFound
    return account


def reset_second_factors(account_id: UUID, who: Administrator) -> None:
    """Remove what somebody lost: authenticator, recovery codes and passkeys; never one's own.

    Raises AccountNotFound, OwnAccount, SecondFactorsMissing, FreshSignInRequired, RoleRequired.
    """
    with transaction(db):
        administrators.authorise(who, on=account_id)
        remove_second_factors(_get(account_id))


def remove_second_factors(account: Account) -> None:
    """Remove the second factors of a locked account, and tell its owner; raises SecondFactorsMissing."""
    had_passkeys, had_totp = passkeys.remove_all(account.id), factors.remove_all(account.id)
    if not had_passkeys and not had_totp:
        raise SecondFactorsMissing
    outgoing.send_notice("mfa_changed", account, change="mfa_reset")
    audit.record("second_factors_reset", account_id=account.id)


def list_sessions(account_id: UUID) -> Sequence[Session]:
    """The account's living sessions, latest used first; raises AccountNotFound."""
    directory.get(account_id)
    return sessions.list_living(account_id)


def end_session(account_id: UUID, session_id: UUID, who: Administrator) -> None:
    """End one session of the account; raises SessionNotFound, FreshSignInRequired, RoleRequired."""
    with transaction(db):
        administrators.authorise(who)
    sessions.end_one(account_id, session_id, reason="ended_by_administrator")


def list_api_keys(account_id: UUID) -> list[ApiKey]:
    """The account's API keys, newest first; raises AccountNotFound."""
    directory.get(account_id)
    return keys.list_own(account_id)


def delete_api_keys(account_id: UUID, key_id: UUID | None, who: Administrator, client: Client) -> None:
    """Delete an API key of the account, or all; raises ApiKeyNotFound, FreshSignInRequired, RoleRequired."""
    with transaction(db):
        administrators.authorise(who)
    keys.delete_of(account_id, key_id, client)

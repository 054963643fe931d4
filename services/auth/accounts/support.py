"""The use cases of an operator on one account, found by its address."""

from typing import Any

from services.auth.accounts import administration, administrators, sign_out
from services.auth.errors import AccountNotFound
from services.auth.models import Account, db
from services.auth.store import accounts
from shared.chassis.database import transaction


def find(beginning: str, limit: int) -> list[Account]:
    """The accounts whose address begins so, newest first."""
    filters: dict[str, Any] = {"email": None, "is_active": None, "role": None, "cursor": None}
    return list(accounts.search(q=beginning, limit=limit, **filters))


def get(email: str) -> Account:
    """The account of the address; raises AccountNotFound."""
    account_id = accounts.find_id(email)
    account = accounts.find(account_id) if account_id else None
    if account is None:
        raise AccountNotFound
    return account


def switch(email: str, *, is_active: bool) -> None:
    """Disable or enable the account; raises AccountNotFound, LastAdministrator."""
    with transaction(db):
        accounts.lock_administration()
        account = _lock(email)
        if account.is_active == is_active:
            return
        if not is_active:
            administrators.require_another(account)
        administration.switch(account, is_active=is_active)


def sign_out_everywhere(email: str) -> None:
    """End every session of the account; raises AccountNotFound."""
    sign_out.everywhere(get(email).id)


def reset_factors(email: str) -> None:
    """Remove authenticator, recovery codes and passkeys; raises AccountNotFound, SecondFactorsMissing."""
    with transaction(db):
        administration.remove_second_factors(_lock(email))


def _lock(email: str) -> Account:
    account = accounts.find_by_email_for_update(email)
    if account is None:
        raise AccountNotFound
    return account

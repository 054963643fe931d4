"""Administrators: who is one, whether they may act now, and that the last one stays."""

from dataclasses import dataclass
from uuid import UUID

from services.auth.errors import FreshSignInRequired, LastAdministrator, OwnAccount
from services.auth.models import Account
from services.auth.sign_in import reauthentication
from services.auth.store import accounts
from shared.chassis.access import RoleRequired
from shared.chassis.clock import utcnow

ROLE = "admin"


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whoever administrates: the account, and the session; an API key has none."""

    account_id: UUID
    session_id: UUID | None


def authorise(who: Administrator, *, on: UUID | None = None) -> None:
    """Let somebody act on an account in the caller's transaction, one administrator at a time.

    The role is the present one, since the token may be older. Raises RoleRequired, FreshSignInRequired,
    and OwnAccount where the account is their own.
    """
    if on == who.account_id:
        raise OwnAccount
    accounts.lock_administration()
    account = accounts.find(who.account_id)
    if account is None or not account.is_active or ROLE not in account.roles:
        raise RoleRequired
    if who.session_id is None:
        raise FreshSignInRequired
    reauthentication.check_fresh(who.session_id, utcnow())


def require_another(account: Account) -> None:
    """Refuse what would leave nobody who administrates; raises LastAdministrator.

    The caller's transaction has called ``accounts.lock_administration``, before it locked the account.
    """
    if ROLE in account.roles and not accounts.has_other_administrator(account.id):
        raise LastAdministrator

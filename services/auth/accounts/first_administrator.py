"""The use case of the command line that makes an administrator."""

from services.auth import audit
from services.auth.accounts.new_accounts import mark_verified
from services.auth.deps import deps
from services.auth.extensions import messages
from services.auth.models import Account, db
from services.auth.passwords import changes, new_passwords
from services.auth.sessions import revocations
from services.auth.store import accounts as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered, AccountVerified, RolesChanged

ADMIN = "admin"


def create_admin(*, email: str, password: str | None, reset_password: bool = False) -> bool:
    """Make the address's account an administrator; whether it is new.

    A new one needs a password; that of an account stays, unless it is to be reset, which ends sessions and
    tells the owner. Raises PasswordTooWeak, PasswordBreached, PasswordMissing, PasswordInTheWay.
    """
    password_hash = None
    if password is not None:
        new_passwords.check(password, known=[email])
        password_hash = deps().passwords.hash(password)
    with transaction(db):
        account = store.find_by_email_for_update(email)
        if account is None:
            if password_hash is None:
                raise PasswordMissing
            _add_admin(email, password_hash)
            return True
        if password is not None and not reset_password:
            if not deps().passwords.is_right(password, account.password_hash):
                raise PasswordInTheWay
            password_hash = None  # it is the account's own, so that a command can be repeated
        _promote(account, password_hash)
    return False


class PasswordMissing(Exception):
    """There is no such account yet, and a new one needs a password."""


class PasswordInTheWay(Exception):
    """The account has another password, which is not replaced unless that is asked for."""


def _add_admin(email: str, password_hash: str) -> None:
    now, account_id = utcnow(), new_id()
    store.add_unless_known(
        account_id=account_id,
        email=email,
        now=now,
        password_hash=password_hash,
        roles=[ADMIN],
        verified_at=now,
    )
    messages.send(AccountRegistered(account_id=account_id, email=email, roles=(ADMIN,), occurred_at=now))
    messages.send(AccountVerified(account_id=account_id, email=email, locale="en", occurred_at=now))
    audit.record("admin_created", account_id=account_id)


def _promote(account: Account, password_hash: str | None) -> None:
    now = utcnow()
    account.roles = sorted({*account.roles, ADMIN})
    account.is_active = True
    account.version += 1
    account.updated_at = now
    mark_verified(account.id, now)
    revocations.revoke_account(account.id, now, below_version=account.version)
    messages.send(RolesChanged(account_id=account.id, roles=tuple(account.roles), occurred_at=now))
    if password_hash is not None:
        changes.replace(account, password_hash, now)
    audit.record("admin_created", account_id=account.id)

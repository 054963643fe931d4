"""The use cases on accounts as such: what other services may know, and the first administrator."""

from uuid import UUID

from services.auth import audit
from services.auth.deps import deps
from services.auth.errors import AccountNotFound
from services.auth.extensions import messages
from services.auth.models import Account, db
from services.auth.passwords import new_passwords
from services.auth.store import accounts as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.internal import AccountBody
from shared.contracts.messages import AccountRegistered, ProfileChanged, RolesChanged

ADMIN = "admin"


def get(account_id: UUID) -> Account:
    """The account; raises AccountNotFound."""
    account = store.find(account_id)
    if account is None:
        raise AccountNotFound
    return account


def as_body(account: Account) -> AccountBody:
    """What another service may know of the account."""
    return AccountBody(
        id=account.id,
        email=account.email,
        display_name=account.display_name,
        locale=account.locale,
        roles=tuple(account.roles),
        is_active=account.is_active,
        is_verified=account.verified_at is not None,
        created_at=account.created_at,
    )


def take_profile(message: ProfileChanged) -> None:
    """Take over the name and language that mails use; in the courier's transaction."""
    store.take_profile(
        message.account_id,
        version=message.profile_version,
        display_name=message.display_name,
        locale=message.locale,
    )


def create_admin(*, email: str, password: str) -> bool:
    """Make the address's account an administrator; whether it is new.

    Raises PasswordTooWeak, PasswordBreached.
    """
    new_passwords.check(password, known=[email])
    password_hash = deps().passwords.hash(password)
    with transaction(db):
        account = store.find_by_email_for_update(email)
        if account is None:
            _add_admin(email, password_hash)
            return True
        _promote(account, password_hash)
    return False


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
    audit.record("admin_created", account_id=account_id)


def _promote(account: Account, password_hash: str) -> None:
    now = utcnow()
    account.password_hash = password_hash
    account.roles = sorted({*account.roles, ADMIN})
    account.verified_at = account.verified_at or now
    account.is_active = True
    account.updated_at = now
    messages.send(RolesChanged(account_id=account.id, roles=tuple(account.roles), occurred_at=now))
    audit.record("admin_created", account_id=account.id)

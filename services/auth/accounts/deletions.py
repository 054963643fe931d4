"""The use cases of leaving: an account is deleted some days after its owner asked, unless the owner returns.

Asked for through users (`DELETE /users/me`), which asks here. Signing in before the day cancels it. Until
then the account is signed out everywhere, and its API keys are suspended.
"""

from datetime import datetime, timedelta
from uuid import UUID

from services.auth import audit
from services.auth.accounts import administrators, credentials, erasure
from services.auth.accounts.administrators import Administrator
from services.auth.accounts.credentials import Occasion, Spared
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import AccountNotFound, PasswordMissing
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account, db
from services.auth.sessions import revocations
from services.auth.sign_in import reauthentication
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.housekeeping import Chore
from shared.contracts.messages import AccountDeleted, ErasureWanted

BATCH = 50


def ask(account_id: UUID, *, password: str | None, session_id: UUID | None, client: Client) -> datetime:
    """End the sessions and set the day. An account without a password needs a session that is fresh.

    Raises InvalidCredentials, PasswordMissing, FreshSignInRequired, SessionRevoked, AccountNotFound,
    LastAdministrator.
    """
    proven = None if password is None else reauthentication.prove_by_password(account_id, password, client)
    now = utcnow()
    with transaction(db):
        accounts.lock_administration()
        account = reauthentication.lock_proven(proven) if proven else _lock_own(account_id, session_id)
        administrators.require_another(account)
        deletes_at = _set_day(account, now)
        audit.record("deletion_asked", account_id=account_id, actor_id=account_id, client=client)
    return deletes_at


def _lock_own(account_id: UUID, session_id: UUID | None) -> Account:
    """The account, locked, if it has no password and its session is fresh."""
    account = accounts.find_for_update(account_id)
    if account is not None and account.password_hash is not None:
        raise PasswordMissing
    return reauthentication.lock_fresh(account_id, session_id)


def ask_for(account_id: UUID, who: Administrator) -> datetime:
    """As ``ask``, by an administrator; raises AccountNotFound, and what ``authorise`` raises."""
    now = utcnow()
    with transaction(db):
        administrators.authorise(who, on=account_id)
        account = accounts.find_for_update(account_id)
        if account is None:
            raise AccountNotFound
        deletes_at = _set_day(account, now)
        audit.record("deletion_asked", account_id=account_id)
    return deletes_at


def _set_day(account: Account, now: datetime) -> datetime:
    account.deletes_at = now + timedelta(days=deps().settings.deletion_days)
    credentials.end(account.id, Occasion.SIGN_OUT, Spared(), now)
    # API keys stay, since the owner may return, and act for nobody until then: nor do their access tokens.
    account.version += 1
    revocations.revoke_account(account.id, now, below_version=account.version)
    day = f"{account.deletes_at:%Y-%m-%d %H:%M} UTC"
    outgoing.send_notice("account_deletion", account, time=day)
    return account.deletes_at


def cancel(account: Account, client: Client, now: datetime) -> None:
    """Keep a locked account whose owner has signed in before the day, in the caller's transaction."""
    account.deletes_at = None
    outgoing.send_warning("account_deletion_cancelled", account, client, now)
    audit.record("deletion_cancelled", account_id=account.id, actor_id=account.id, client=client)


def delete_due(now: datetime) -> int:
    """A chore of the worker: delete accounts whose day has come; how many."""
    with transaction(db):
        found = accounts.lock_due(now, limit=BATCH)
        for account in found:
            _delete(account, now)
    return len(found)


def new_unverified_chore(kept_for: timedelta) -> Chore:
    """A chore that deletes accounts which were registered and never verified.

    The release before made an account of each registration. Accounts out of an import were not registered.
    """

    def delete_unverified(now: datetime) -> int:
        with transaction(db):
            found = accounts.lock_never_verified(registered_before=now - kept_for, limit=BATCH)
            for account in found:
                _delete(account, now)
        return len(found)

    return delete_unverified


def delete_again(message: ErasureWanted) -> None:
    """Hold nothing on a deleted account, in the courier's transaction; nor what a backup brought back."""
    account = accounts.find_for_update(message.account_id)
    if account is None:
        erasure.erase(message.account_id, utcnow())
    else:
        _delete(account, utcnow())


def _delete(account: Account, now: datetime) -> None:
    revocations.revoke_account(account.id, now, below_version=account.version + 1)
    # What was mailed to an address that nobody has proven may be somebody else's.
    proven_email = account.email if account.verified_at is not None else None
    messages.send(AccountDeleted(account_id=account.id, email=proven_email, occurred_at=now))
    audit.record("account_deleted", account_id=account.id)
    db.session.delete(account)
    db.session.flush()
    erasure.erase(account.id, now)

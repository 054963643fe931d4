"""The use case of signing in by password.

Whatever is wrong, an unknown address costs the same work as a known one and gets the same answer.
"""

from datetime import datetime

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import AccountDisabled, InvalidCredentials
from services.auth.mail import challenges
from services.auth.mail.challenges import VERIFY_EMAIL
from services.auth.models import Account, db
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import mfa_tickets
from services.auth.sign_in.outcomes import Outcome, begin, settle
from services.auth.store import accounts
from services.auth.store.accounts import Credentials
from services.auth.throttling import attempts
from services.auth.throttling.attempts import Attempt
from shared.chassis.clock import utcnow
from shared.chassis.database import single_statements, transaction

BY_PASSWORD = ["pwd"]


def by_password(*, email: str, password: str, client: Client) -> TokenPair:
    """Sign in; raises InvalidCredentials, TooManyAttempts, and to the owner alone what else is wrong."""
    # First of all: whoever finds no place costs next to nothing, and has not made a guess that would count.
    with deps().passwords.place():
        return _by_password(email, password, client)


def _by_password(email: str, password: str, client: Client) -> TokenPair:
    attempt = attempts.enter_sign_in(email, client)
    with single_statements(db):
        found = accounts.find_credentials(Account.email == email)
        least = _least_seconds()
    stored = found.password_hash if found else None
    if not deps().passwords.is_right(password, stored, at_least_seconds=least) or found is None:
        _note_failure(found)
        raise InvalidCredentials
    return _admit(found, attempt, password, client)


def _least_seconds() -> float:
    """While hashes of other systems or parameters are left, a failure takes as long as the slowest."""
    has_others = accounts.has_other_hashes(deps().passwords.parameters)
    return deps().settings.failed_sign_in_seconds if has_others else 0.0


def _note_failure(found: Credentials | None) -> None:
    with transaction(db):
        audit.record("sign_in_failed", account_id=found.account_id if found else None)


def _admit(found: Credentials, attempt: Attempt, password: str, client: Client) -> TokenPair:
    """The password was right: say what stands in the way, or begin."""
    better_hash = _better_hash(found, password)
    now = utcnow()
    with transaction(db):
        outcome = _decide(found, client, now)
        if better_hash is not None and found.password_hash is not None:
            accounts.replace_password_hash(found.account_id, old=found.password_hash, new=better_hash)
        attempt.succeed()
    return settle(outcome)


def _decide(found: Credentials, client: Client, now: datetime) -> Outcome:
    if not found.is_verified:
        return _refuse_unverified(found, now)
    if not found.is_active:
        return AccountDisabled()
    if found.has_totp:
        return mfa_tickets.demand(found.account_id, BY_PASSWORD, now)
    account = accounts.lock_for_sign_in(found.account_id, password_hash=found.password_hash)
    if account is None:
        return InvalidCredentials()  # disabled, or given another password, while we computed
    return begin(account, client, BY_PASSWORD, now)


def _refuse_unverified(found: Credentials, now: datetime) -> Outcome:
    """An imported account whose address nobody has proven: the answer says nothing, a mail helps on."""
    account = accounts.find_for_update(found.account_id)
    if account is not None:
        challenges.mail(VERIFY_EMAIL, account, now)
    return InvalidCredentials()


def _better_hash(found: Credentials, password: str) -> str | None:
    passwords = deps().passwords
    if found.password_hash is None or not passwords.needs_rehash(found.password_hash):
        return None
    return passwords.hash(password)

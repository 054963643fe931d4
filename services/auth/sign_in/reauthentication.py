"""Proving oneself again: a change of credentials needs more than a session that somebody left open.

A proof is used in another transaction than it was made in. Whoever uses it locks the account and looks
whether what was proven still holds, so that a reset in between wins whatever was under way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import (
    AccountNotFound,
    CodeInvalid,
    FreshSignInRequired,
    InvalidCredentials,
    SecondFactorRequired,
    SessionRevoked,
)
from services.auth.factors import codes, failures
from services.auth.models import Account, db
from services.auth.sessions.access_tokens import TokenPair, pair_of
from services.auth.store import accounts, factors
from services.auth.store import sessions as session_store
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


@dataclass(frozen=True, slots=True)
class Proven:
    """Who proved to own an account, and by which password hash."""

    account_id: UUID
    email: str
    display_name: str | None
    password_hash: str | None


def prove_by_password(account_id: UUID, password: str, client: Client) -> Proven:
    """Check the password of a signed-in caller; raises InvalidCredentials, TooManyAttempts."""
    with deps().passwords.place():
        return _prove_by_password(account_id, password, client)


def _prove_by_password(account_id: UUID, password: str, client: Client) -> Proven:
    with transaction(db):
        account = accounts.find(account_id)
        if account is None:
            raise AccountNotFound
        owner = Proven(account.id, account.email, account.display_name, account.password_hash)
    attempt = attempts.enter_sign_in(owner.email, client)
    if not deps().passwords.is_right(password, owner.password_hash):
        with transaction(db):
            audit.record("reauthentication_failed", account_id=account_id)
        raise InvalidCredentials("The password is wrong.")
    with transaction(db):
        attempt.succeed()
    return owner


def lock_proven(proven: Proven) -> Account:
    """The account, locked in the caller's transaction, if the proven password is still its own.

    Raises AccountNotFound, InvalidCredentials.
    """
    account = _lock(proven.account_id)
    if account.password_hash != proven.password_hash:
        raise InvalidCredentials("The password was changed a moment ago.")
    return account


def _lock(account_id: UUID) -> Account:
    account = accounts.find_for_update(account_id)
    if account is None:
        raise AccountNotFound
    return account


def renew(
    account_id: UUID, session_id: UUID | None, *, password: str, code: str | None, client: Client
) -> TokenPair:
    """Prove oneself again in the present session, by the second factor too where there is one.

    A pair that says so. Raises InvalidCredentials, SecondFactorRequired, CodeInvalid, TooManyAttempts.
    """
    proven = prove_by_password(account_id, password, client)
    methods = prove_second_factor(account_id, code, client)
    now = utcnow()
    with transaction(db):
        lock_proven(proven)
        standing = session_store.find_standing(session_id) if session_id else None
        if session_id is None or standing is None or standing.is_ended:
            raise SessionRevoked
        together = list(dict.fromkeys([*standing.methods, *methods]))
        session_store.note_authentication(session_id, now, together)
        audit.record("reauthenticated", account_id=account_id)
        renewed = session_store.find_standing(session_id)
        if renewed is None:
            raise SessionRevoked
        return pair_of(renewed, now)


def prove_second_factor(account_id: UUID, code: str | None, client: Client) -> list[str]:
    """Check a code where the account has a second factor; what was proven by it.

    Raises SecondFactorRequired, CodeInvalid, TooManyAttempts.
    """
    with transaction(db):
        if not factors.has_confirmed_totp(account_id):
            return []
    if code is None:
        raise SecondFactorRequired
    attempt = attempts.enter_second_factor(account_id, client)
    now = utcnow()
    with transaction(db):
        _lock(account_id)
        is_right = codes.use_code(account_id, code, now)
        if is_right:
            attempt.succeed()
    if not is_right:
        failures.note(account_id, client, now)
        raise CodeInvalid("This code is wrong or was used before.")
    return ["otp", "mfa"]


def lock_fresh(account_id: UUID, session_id: UUID | None) -> Account:
    """The account, locked in the caller's transaction, if its session lives and has proven itself of late.

    Raises AccountNotFound, SessionRevoked, FreshSignInRequired.
    """
    account = _lock(account_id)
    check_fresh(session_id, utcnow())
    return account


def check_fresh(session_id: UUID | None, now: datetime) -> None:
    """Refuse a caller who last proved itself too long ago, in the caller's transaction.

    Raises SessionRevoked, FreshSignInRequired.
    """
    standing = session_store.find_standing(session_id) if session_id else None
    if standing is None or standing.is_ended:
        raise SessionRevoked
    if now - standing.authenticated_at > timedelta(seconds=deps().settings.fresh_sign_in_seconds):
        raise FreshSignInRequired

"""Proving oneself again: a change of credentials needs more than a session that somebody left open."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import AccountNotFound, FreshSignInRequired, InvalidCredentials, SessionRevoked
from services.auth.models import db
from services.auth.sessions.access_tokens import TokenPair, pair_of
from services.auth.store import accounts
from services.auth.store import sessions as session_store
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


@dataclass(frozen=True, slots=True)
class Proven:
    """Who proved to own an account, as it was then."""

    account_id: UUID
    email: str
    display_name: str | None


def prove_by_password(account_id: UUID, password: str, client: Client) -> Proven:
    """Check the password of a signed-in caller; raises InvalidCredentials, TooManyAttempts."""
    with deps().passwords.place():
        return _prove_by_password(account_id, password, client)


def _prove_by_password(account_id: UUID, password: str, client: Client) -> Proven:
    with transaction(db):
        account = accounts.find(account_id)
        if account is None:
            raise AccountNotFound
        stored, owner = account.password_hash, Proven(account.id, account.email, account.display_name)
    attempt = attempts.enter_sign_in(owner.email, client)
    if not deps().passwords.is_right(password, stored):
        with transaction(db):
            audit.record("reauthentication_failed", account_id=account_id)
        raise InvalidCredentials("The password is wrong.")
    with transaction(db):
        attempt.succeed()
    return owner


def renew(account_id: UUID, session_id: UUID | None, password: str, client: Client) -> TokenPair:
    """Prove oneself again in the present session; a pair that says so. Raises InvalidCredentials."""
    prove_by_password(account_id, password, client)
    now = utcnow()
    with transaction(db):
        if session_id is not None:
            session_store.note_authentication(session_id, now)
        standing = session_store.find_standing(session_id) if session_id else None
        if standing is None or standing.is_ended:
            raise SessionRevoked
        audit.record("reauthenticated", account_id=account_id)
        return pair_of(standing, now)


def require_fresh(session_id: UUID | None) -> None:
    """Refuse a caller who last proved itself too long ago; raises FreshSignInRequired."""
    limit = timedelta(seconds=deps().settings.fresh_sign_in_seconds)
    with transaction(db):
        standing = session_store.find_standing(session_id) if session_id else None
    if standing is None or standing.is_ended:
        raise SessionRevoked
    if utcnow() - standing.authenticated_at > limit:
        raise FreshSignInRequired

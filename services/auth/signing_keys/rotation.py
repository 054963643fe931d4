"""The use cases on auth's signing keys: the next one, one that must go at once, and a list of them.

A new key is published first and signs a while later; the former ones are accepted until the last token
under them is over. So nobody needs a restart, and no token is refused.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.auth import audit
from services.auth.deps import deps
from services.auth.models import db
from services.auth.signing_keys import key_pairs
from services.auth.store import signing_keys as store
from services.auth.store.signing_keys import KeyPair
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.signing_keys import HS256

# Clocks of several hosts differ, and a worker may sign with what it read a moment ago.
MARGIN = timedelta(seconds=60)


class AlgorithmNotAccepted(Exception):
    """JWT_ALGORITHMS does not name it, so that the tokens would be refused."""


class KeyNotFound(Exception):
    """There is no key of that name."""


def rotate(algorithm: str | None) -> datetime:
    """Let a new key take over, or the shared secret (HS256); from when on it signs.

    Without an algorithm: the first of JWT_ALGORITHMS that needs keys. Raises AlgorithmNotAccepted.
    """
    settings = deps().settings
    own = [name for name in settings.jwt_algorithms if name != HS256]
    chosen = algorithm or next(iter(own), None)
    if chosen is None or chosen not in settings.jwt_algorithms:
        raise AlgorithmNotAccepted(chosen or "EdDSA")
    lead = timedelta(seconds=0 if chosen == HS256 else settings.key_publication_seconds)
    with transaction(db):
        signs_from = utcnow() + lead
        _take_over(chosen, signs_from)
        audit.record("signing_key_rotated", account_id=None, algorithm=chosen)
    return signs_from


def withdraw(kid: str) -> None:
    """Refuse the tokens under a key from now on, another one signing in its place; raises KeyNotFound."""
    with transaction(db) as session:
        connection = session.connection()
        store.lock(connection)
        now = utcnow()
        pairs = list_keys()
        signing = key_pairs.signing_at(pairs, now)
        if not store.withdraw(connection, kid, now):
            raise KeyNotFound
        if signing is not None and signing.kid == kid:
            _take_over(signing.algorithm, now)
        elif signing is not None and any(pair.kid == kid and pair.signs_from > now for pair in pairs):
            _go_on(signing, [pair for pair in pairs if pair.kid != kid], now)
        audit.record("signing_key_withdrawn", account_id=None, kid=kid)


def _go_on(signing: KeyPair, others: Sequence[KeyPair], now: datetime) -> None:
    """The key that should have taken over is gone: the present one signs until the next does, if any."""
    following = [
        pair.signs_from for pair in others if now < pair.signs_from and pair.signs_at(pair.signs_from)
    ]
    until = min(following, default=None)
    accepted_until = None if until is None else _last_token_is_over(until)
    store.prolong(db.session.connection(), signing.kid, signs_until=until, accepted_until=accepted_until)


def _take_over(algorithm: str, signs_from: datetime) -> None:
    connection = db.session.connection()
    store.lock(connection)
    store.forget(connection, accepted_before=utcnow() - MARGIN)
    kid = None
    if algorithm != HS256:
        pair = key_pairs.generate(algorithm, deps().signing_keys.sealer)
        store.add(connection, **pair, created_at=utcnow(), signs_from=signs_from)
        kid = pair["kid"]
    until = _last_token_is_over(signs_from)
    store.retire(connection, but=kid, signs_until=signs_from, accepted_until=until)


def _last_token_is_over(signed_until: datetime) -> datetime:
    return signed_until + timedelta(seconds=deps().settings.access_token_seconds) + MARGIN


def list_keys() -> Sequence[KeyPair]:
    """Every key that is still there, the latest to sign first; in the caller's transaction."""
    return store.list_all(db.session.connection())

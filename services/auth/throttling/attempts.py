"""Throttling of guesses: by identifier and by client address, without locking an owner out.

Every try is counted as a failure before it is made, so that a burst cannot outrun the count, and
forgiven when it succeeds. A device that has signed in to the account before is counted by itself: whatever
strangers do to the account's own count, the owner's device keeps its way in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.auth.clients import Client
from services.auth.codes import digest
from services.auth.deps import deps
from services.auth.errors import TooManyAttempts
from services.auth.models import db
from services.auth.store import devices, throttles
from services.auth.throttling.backoff import Backoff
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """One count: what is counted, and how failures of it cost time."""

    kind: str
    hash: str
    backoff: Backoff


def identifier_key(email: str) -> Key:
    """Failures on one address, known or not."""
    return Key("identifier", _hash("identifier", email), deps().account_backoff)


def client_key(client: Client) -> Key:
    """Failures from one place."""
    return Key("client", _hash("client", client.network), deps().client_backoff)


def device_key(device_id: UUID) -> Key:
    """Failures of one known device."""
    return Key("device", _hash("device", str(device_id)), deps().account_backoff)


def second_factor_key(account_id: UUID) -> Key:
    """Failures of all second factors of an account together."""
    return Key("second_factor", _hash("second_factor", str(account_id)), deps().account_backoff)


def _hash(kind: str, value: str) -> str:
    return deps().codes.hash(f"throttle:{kind}", value)


class Attempt:
    """A try that was let in: forgiven when it succeeds, a failure when nobody says so."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys

    def succeed(self) -> None:
        """Take the failure back, last in the caller's transaction.

        Last, because everybody behind one address shares a row: it is locked for the moment of the commit
        only, and after every other lock, so that no two of them wait for each other.

        The counts of the account begin anew. That of the place does not: else a guesser could reset it
        with an account of his own.
        """
        own = [key.hash for key in self._keys if key.kind != "client"]
        throttles.forgive_all(own)
        throttles.forgive_one([key.hash for key in self._keys if key.kind == "client"])


def sign_in_keys(email: str, client: Client) -> list[Key]:
    """What a sign-in to that address from there is counted by; in the caller's transaction."""
    if client.device_token is not None:
        device_id = devices.find_of_address(email, [digest(client.device_token)])
        if device_id is not None:
            return [device_key(device_id)]
    return [identifier_key(email), client_key(client)]


def enter_sign_in(email: str, client: Client) -> Attempt:
    """Count a try to sign in; raises TooManyAttempts."""
    with transaction(db):
        keys = sign_in_keys(email, client)
        refusal = _count(keys, utcnow())
    return _let_in(keys, refusal)


def enter(*keys: Key) -> Attempt:
    """Count a try; raises TooManyAttempts."""
    with transaction(db):
        refusal = _count(keys, utcnow())
    return _let_in(keys, refusal)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a try was not let in, and for how long."""

    kind: str
    seconds: int


def _let_in(keys: Sequence[Key], refusal: Refusal | None) -> Attempt:
    if refusal is not None:
        log.info("attempt_refused", reason=refusal.kind, seconds=refusal.seconds)
        raise TooManyAttempts(retry_after_seconds=refusal.seconds)
    return Attempt(keys)


def _count(keys: Sequence[Key], now: datetime) -> Refusal | None:
    for place, key in enumerate(keys):
        failures = throttles.count(key.hash, key.kind, now=now, forgotten_after=key.backoff.forgotten_after)
        if failures is None:
            until = throttles.refuse(key.hash)
            throttles.forgive_one([counted.hash for counted in keys[:place]])
            return Refusal(key.kind, int((until - now).total_seconds()) + 1 if until else 1)
        wait = key.backoff.wait_after(failures)
        if wait:
            throttles.block(key.hash, until=now + wait)
    return None

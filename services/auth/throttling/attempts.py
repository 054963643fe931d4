"""Throttling of guesses: by identifier and by client address, without locking an owner out.

Every try is counted as a failure before it is made, so that a burst cannot outrun the count, and
forgiven when it succeeds. Counts leak with time. A device that has signed in to the account before is counted
by itself, passwords and second factors alike: whatever strangers do to the account's own counts, the owner's
device keeps its way in. All known devices of an account together have a further count, so that many of
them give few more guesses than one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth.clients import Client
from services.auth.codes import digest
from services.auth.deps import deps
from services.auth.errors import TooManyAttempts
from services.auth.models import Account, db
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
    is_shared: bool = False  # by several, of whom none may begin it anew for the others


def identifier_key(email: str) -> Key:
    """Failures on one address, known or not."""
    return Key("identifier", _hash("identifier", email), deps().account_backoff)


def client_key(client: Client) -> Key:
    """Failures from one place."""
    return Key("client", _hash("client", client.network), deps().client_backoff, is_shared=True)


def device_key(device_id: UUID) -> Key:
    """Failures of one known device."""
    return Key("device", _hash("device", str(device_id)), deps().account_backoff)


def devices_key(email: str) -> Key:
    """Failures of all known devices of the account of that address together."""
    return Key("devices", _hash("devices", email), deps().devices_backoff, is_shared=True)


def second_factor_key(account_id: UUID) -> Key:
    """Failures of all second factors of an account together, from devices that are not known."""
    return Key("second_factor", _hash("second_factor", str(account_id)), deps().account_backoff)


def second_factor_keys(account_id: UUID, client: Client) -> list[Key]:
    """What a second factor from there is counted by; in the caller's transaction."""
    device_id = _find_device(client, Account.id == account_id)
    if device_id is None:
        return [second_factor_key(account_id)]
    return _second_factor_keys_of_device(account_id, device_id)


def _second_factor_keys_of_device(account_id: UUID, device_id: UUID) -> list[Key]:
    own, together = (
        _hash("second_factor_device", str(device_id)),
        _hash("second_factor_devices", str(account_id)),
    )
    return [
        Key("second_factor_device", own, deps().account_backoff),
        Key("second_factor_devices", together, deps().devices_backoff, is_shared=True),
    ]


def keys_of_account(email: str, account_id: UUID, device_ids: Iterable[UUID]) -> list[Key]:
    """Everything that is counted against an account."""
    keys = [identifier_key(email), second_factor_key(account_id), devices_key(email)]
    for device_id in device_ids:
        keys += [device_key(device_id), *_second_factor_keys_of_device(account_id, device_id)]
    return keys


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

        The counts of whoever succeeded begin anew. What is shared does not: else a guesser could reset the
        count of his place with an account of his own.
        """
        throttles.forgive_all([key.hash for key in self._keys if not key.is_shared])
        _take_back([key for key in self._keys if key.is_shared])


def _take_back(keys: Sequence[Key]) -> None:
    for key in keys:
        throttles.forgive_one(key.hash, forgets_one_after=key.backoff.forgets_one_after)


def sign_in_keys(email: str, client: Client) -> list[Key]:
    """What a sign-in to that address from there is counted by; in the caller's transaction."""
    device_id = _find_device(client, Account.email == email)
    if device_id is None:
        return [identifier_key(email), client_key(client)]
    return [device_key(device_id), devices_key(email)]


def _find_device(client: Client, owner: Any) -> UUID | None:
    return None if client.device_token is None else devices.find_of(owner, [digest(client.device_token)])


def enter_sign_in(email: str, client: Client) -> Attempt:
    """Count a try to sign in; raises TooManyAttempts."""
    with transaction(db):
        keys = sign_in_keys(email, client)
        refusal = _count(keys, utcnow())
    return _let_in(keys, refusal)


def enter_second_factor(account_id: UUID, client: Client) -> Attempt:
    """Count a try of a second factor; raises TooManyAttempts."""
    with transaction(db):
        keys = second_factor_keys(account_id, client)
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
        failures = throttles.count(
            key.hash, key.kind, now=now, forgets_one_after=key.backoff.forgets_one_after
        )
        if failures is None:
            until = throttles.refuse(key.hash)
            _take_back(keys[:place])
            return Refusal(key.kind, int((until - now).total_seconds()) + 1 if until else 1)
        wait = key.backoff.wait_after(failures)
        if wait:
            throttles.block(key.hash, until=now + wait)
    return None

"""What this process signs access tokens with, and the public keys that it shows and verifies by.

The keys stand in auth's database, so that all workers and replicas agree; each reads them anew every few
seconds, in good time before a new one signs. Where the shared secret signs alone there is none.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from services.auth.secret_check import SIGNING_KEY
from services.auth.settings import AuthSettings
from services.auth.signing_keys import key_pairs
from services.auth.store import signing_keys as store
from services.auth.store.signing_keys import KeyPair
from shared.chassis.clock import utcnow
from shared.chassis.database import new_engine_beside
from shared.chassis.sealing import Sealer
from shared.chassis.signing_keys import HS256, VerificationKey, key_id, read_jwk

READ_AGAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Signer:
    """A key to sign with, its name and its algorithm."""

    kid: str
    algorithm: str
    key: Any


class SigningKeys:
    """The keys as one process knows them."""

    def __init__(self, settings: AuthSettings) -> None:
        secret = settings.accepted_secrets[0]
        self._shared = Signer(key_id(secret), HS256, secret)
        self._algorithms = settings.jwt_algorithms
        self.sealer = Sealer(settings.own_secrets, SIGNING_KEY)
        self._has_own = settings.has_published_keys
        self._engine = new_engine_beside(settings)
        self._lock = threading.Lock()
        self._pairs: Sequence[KeyPair] = ()
        self._read_at = float("-inf")
        self._opened: dict[str, Signer] = {}

    def signer(self) -> Signer:
        """What a token is signed with now."""
        if not self._has_own:
            return self._shared
        pair = key_pairs.signing_at(self._current(), utcnow())
        return self._open(pair) if pair else self._shared

    def find(self, kid: str) -> VerificationKey | None:
        """The public key of that name, if a token under it may be valid."""
        now = utcnow()
        for pair in self._current():
            if pair.kid == kid and pair.is_accepted_at(now):
                return read_jwk(pair.public_jwk)
        return None

    def published(self) -> list[dict[str, str]]:
        """The public keys as JWKs, those included that do not sign yet."""
        now = utcnow()
        return [pair.public_jwk for pair in self._current() if pair.is_accepted_at(now)]

    def _open(self, pair: KeyPair) -> Signer:
        signer = self._opened.get(pair.kid)
        if signer is None:
            private_key = key_pairs.open_private_key(pair, self.sealer)
            signer = Signer(pair.kid, pair.algorithm, private_key)
            self._opened = {pair.kid: signer}
        return signer

    def _current(self) -> Sequence[KeyPair]:
        if not self._has_own:
            return ()
        with self._lock:  # one reads, the others wait for what it finds
            if monotonic() - self._read_at > READ_AGAIN_SECONDS:
                self._pairs = self._read()
                self._read_at = monotonic()
            return self._pairs

    def _read(self) -> Sequence[KeyPair]:
        with self._engine.begin() as connection:
            pairs = self._accepted(connection)
            if HS256 in self._algorithms or key_pairs.signing_at(pairs, utcnow()):
                return pairs
            store.lock(connection)  # several processes may find that there is no key yet
            pairs = self._accepted(connection)
            if key_pairs.signing_at(pairs, utcnow()):
                return pairs
            now = utcnow()
            first = key_pairs.generate(self._algorithms[0], self.sealer)
            store.add(connection, **first, created_at=now, signs_from=now)
            return self._accepted(connection)

    def _accepted(self, connection: Connection) -> list[KeyPair]:
        found = store.list_accepted(connection, utcnow())
        return [pair for pair in found if pair.algorithm in self._algorithms]

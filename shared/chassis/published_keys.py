"""auth's public keys, as another process knows them: asked for when needed, and kept while auth is away.

A new key is published before it signs, so a token whose key is not known is a reason to ask, but no more
than once in ``ASK_AGAIN_SECONDS``, whoever sends such tokens: one thread asks, and everybody else waits for
its answer. A token under a known key never waits.
"""

import re
import threading
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from time import monotonic

from shared.chassis import errors
from shared.chassis.logs import get_logger
from shared.chassis.signing_keys import NotAPublicKey, VerificationKey, read_jwk
from shared.contracts.internal import KeySetBody

ASK_AGAIN_SECONDS = 3.0
KEPT_SECONDS = 15.0  # then asked for again, so that a key that was withdrawn is refused
PATIENCE_SECONDS = 2.0
MOST_KEYS = 100
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{43}")

log = get_logger(__name__)


class KeysUnavailable(errors.Unavailable):
    """The key of the token is not known here, and auth does not answer."""

    code = "keys_unavailable"
    detail = "The key to verify this token cannot be read; try again shortly."


class PublishedKeys:
    """What one process knows of auth's public keys. ``ask`` reads them, or raises an ApiError."""

    def __init__(self, ask: Callable[[], KeySetBody], algorithms: Collection[str]) -> None:
        self._ask = ask
        self._algorithms = algorithms
        self._lock = threading.Lock()
        self._keys: Mapping[str, VerificationKey] = {}
        self._running: Future[None] | None = None
        self._asked_at = self._learnt_at = float("-inf")
        self.is_answered = True  # whether auth answered when it was last asked

    @property
    def names(self) -> frozenset[str]:
        """The ids of the keys that are known."""
        return frozenset(self._keys)

    @property
    def is_read(self) -> bool:
        """Whether auth has ever shown its keys, be they none."""
        return self._learnt_at != float("-inf")

    def look_up(self, kid: str) -> VerificationKey | None:
        """The key, if it is known; never waits."""
        return self._keys.get(kid)

    def find(self, kid: str) -> VerificationKey | None:
        """The key, asked for if it is not known; raises KeysUnavailable where auth does not answer."""
        known = self._keys.get(kid)
        if known is not None:
            if monotonic() - self._learnt_at > KEPT_SECONDS:
                self.renew()
            return known
        running = self.ask_for(kid)
        if running is not None:
            _wait(running)
        return self.answer(kid)

    def ask_for(self, kid: str) -> "Future[None] | None":
        """The question that may bring the key; None for what is no name of ours, or too early."""
        return self.renew(unless=kid) if _KEY_ID.fullmatch(kid) else None

    def answer(self, kid: str) -> VerificationKey | None:
        """The key after auth was asked; raises KeysUnavailable where it did not answer."""
        known = self._keys.get(kid)
        if known is None and not self.is_answered:
            raise KeysUnavailable
        return known

    def renew(self, *, unless: str | None = None) -> "Future[None] | None":
        """The question that is under way, or a new one; None while it is too early for another.

        ``unless``: a key that makes it needless, as an answer since may have brought it.
        """
        with self._lock:
            if self._running is not None:
                return self._running
            if unless in self._keys or monotonic() - self._asked_at < ASK_AGAIN_SECONDS:
                return None
            self._asked_at = monotonic()
            self._running = Future()
            self._running.set_running_or_notify_cancel()  # one waiter that gives up shall not end it for all
            threading.Thread(target=self._learn, args=(self._running,), name="keys", daemon=True).start()
            return self._running

    def _learn(self, running: "Future[None]") -> None:
        try:
            keys = self._readable(self._ask())
        except errors.ApiError as error:
            # Where both have just been started, this process may be the quicker one.
            is_early = self.is_answered and not self.is_read
            tell = log.info if is_early else log.warning
            tell("keys_not_read", cause=repr(error.__cause__ or error))
            self.is_answered = False
        else:
            self._keys, self._learnt_at, self.is_answered = keys, monotonic(), True
        finally:
            with self._lock:
                self._running = None
            running.set_result(None)

    def _readable(self, body: KeySetBody) -> dict[str, VerificationKey]:
        keys = {}
        for jwk in body.keys[:MOST_KEYS]:
            try:
                key = read_jwk(jwk)
            except NotAPublicKey as error:
                log.warning("published_key_refused", cause=repr(error))
                continue
            if key.algorithm in self._algorithms:
                keys[jwk["kid"]] = key
        return keys


def _wait(running: "Future[None]") -> None:
    try:
        running.result(PATIENCE_SECONDS)
    except TooSlow as error:
        raise KeysUnavailable from error

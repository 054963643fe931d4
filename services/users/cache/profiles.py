"""The cache of profiles: rendered, by account, never older than the last acknowledged write.

Who writes forbids the versions before his own, and only then commits; who reads offers what he read after he
found nothing. Where Redis does not answer the writer, the use case leaves a row that the worker's relay
repeats within a second. A cache that is down is a slower answer, never an error. See docs/users.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast
from uuid import UUID

from flask import Flask, current_app
from flask_caching import Cache
from prometheus_client import Counter
from redis.exceptions import RedisError

from services.users.cache.backend import Found, VersionedRedis
from services.users.cache.envelope import Envelope
from services.users.settings import UsersSettings
from shared.chassis.logs import get_logger

DELETED = 2**53 - 1  # the version of a profile that is gone for good; the greatest that Lua counts exactly
EXTENSION = "doorward_profile_cache"
OUTCOMES = Counter(
    "doorward_profile_cache_total", "What the cache of profiles did.", ["operation", "outcome"]
)

_HITS = OUTCOMES.labels("read", "hit")  # a warm read does nothing that could have been done before

log = get_logger(__name__)
Answer = TypeVar("Answer")


class Cached(NamedTuple):
    """A profile as it is cached: its version, and its JSON as the API shows it."""

    version: int
    content: bytes


class Miss(NamedTuple):
    """There is none; ``token`` says when and where that was so, None where nothing can be offered."""

    token: bytes | None


class Several(NamedTuple):
    """Profiles that are cached, and a miss for the rest of those that were asked for."""

    shown: dict[UUID, Cached]
    token: bytes | None


class ProfileCache:
    """What one app keeps of profiles."""

    def __init__(self) -> None:
        self._cache = Cache()

    def init_app(self, app: Flask, settings: UsersSettings) -> None:
        """Connect to Redis lazily, and wait for it no longer than is worth it."""
        configuration = VersionedRedis.configuration(
            settings, prefix="doorward:users:profile:", default_timeout=settings.profile_cache_seconds
        )
        self._cache.init_app(app, config=configuration)
        with app.app_context():
            backend = cast("VersionedRedis", self._cache.cache)
        app.extensions[EXTENSION] = _Parts(backend, Envelope(settings.accepted_secrets))

    def find(self, account_id: UUID) -> Cached | Miss:
        """The cached profile, or the miss with which it may be offered."""
        parts = _parts()
        found = _ask(parts, lambda backend: backend.read(str(account_id)))
        if found is None:
            OUTCOMES.labels("read", "unavailable").inc()
            return Miss(None)
        if found.value is None:
            OUTCOMES.labels("read", "miss").inc()
            return Miss(found.token)
        cached = _open(parts, account_id, found)
        if cached is None:
            OUTCOMES.labels("read", "forged").inc()
            return Miss(None)
        _HITS.inc()
        return cached

    def find_many(self, account_ids: Sequence[UUID]) -> Several:
        """Which of the profiles are cached, and the token with which the others may be offered."""
        parts = _parts()
        found = _ask(parts, lambda backend: backend.read_many([str(each) for each in account_ids]))
        if found is None:
            OUTCOMES.labels("read", "unavailable").inc(len(account_ids))
            return Several({}, None)
        pairs = zip(account_ids, found, strict=True)
        opened = {each: _open(parts, each, value) for each, value in pairs if value is not None}
        shown = {each: cached for each, cached in opened.items() if cached is not None}
        _HITS.inc(len(shown))
        OUTCOMES.labels("read", "forged").inc(len(opened) - len(shown))
        OUTCOMES.labels("read", "miss").inc(len(account_ids) - len(opened))
        is_whole = len(shown) == len(account_ids)
        return Several(shown, None if is_whole else _ask(parts, lambda backend: backend.token()))

    def offer(self, account_id: UUID, profile: Cached, token: bytes | None) -> None:
        """Keep what was read after ``token`` was given, unless something newer may be there."""
        self.offer_many({account_id: profile}, token)

    def offer_many(self, shown: Mapping[UUID, Cached], token: bytes | None) -> None:
        """Keep all that was read after ``token`` was given, but for those that may be newer there."""
        if token is None or not shown:
            return
        parts = _parts()
        closed = {
            str(account_id): (each.version, parts.envelope.close(each.content, account_id, each.version))
            for account_id, each in shown.items()
        }
        kept = _ask(parts, lambda backend: backend.offer(closed, token)) or 0
        OUTCOMES.labels("offer", "kept").inc(kept)
        OUTCOMES.labels("offer", "refused").inc(len(shown) - kept)

    def forbid(self, account_id: UUID, version: int) -> bytes | None:
        """Before a commit: let no reader keep a version before ``version``. None where Redis did not hear."""
        token = _ask(_parts(), lambda backend: backend.forbid(str(account_id), version))
        OUTCOMES.labels("tombstone", "set" if token else "unavailable").inc()
        return token

    def repeat(self, account_id: UUID, version: int) -> None:
        """Forbid again what Redis did not hear; raises RedisError while it does not."""
        _parts().backend.forbid(str(account_id), version)
        OUTCOMES.labels("tombstone", "repeated").inc()


class _Parts(NamedTuple):
    backend: VersionedRedis
    envelope: Envelope


def _open(parts: _Parts, account_id: UUID, found: Found) -> Cached | None:
    """What was found; None where it was not closed for this account and version."""
    content = found.value and parts.envelope.open(found.value, account_id, found.version)
    return Cached(found.version, content) if content else None


def _parts() -> _Parts:
    """Those of the app that runs."""
    found: _Parts = current_app.extensions[EXTENSION]
    return found


def _ask(parts: _Parts, question: Callable[[VersionedRedis], Answer]) -> Answer | None:
    """The answer; None where Redis does not give it in time, or did not lately."""
    if not parts.backend.breaker.admits():
        return None
    try:
        return question(parts.backend)
    except RedisError as error:
        parts.backend.give_up()
        log.warning("cache_unavailable", cause=repr(error))
        return None


profiles = ProfileCache()

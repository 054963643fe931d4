"""The cache of profiles: Flask-Caching on Redis, by account id.

Values are sealed JSON and not pickles, so that whoever writes to Redis can neither run code here nor
forge a profile, and a dump of Redis shows none. A cache that is down is a slower answer, never an error.
"""

from typing import Any
from uuid import UUID

import orjson
from flask import Flask
from flask_caching import Cache
from redis.exceptions import RedisError

from services.users.settings import UsersSettings
from shared.chassis.logs import get_logger
from shared.chassis.sealing import SealBroken, Sealer

SOCKET_TIMEOUT_SECONDS = 0.25

log = get_logger(__name__)


class SealedJson:
    """The serializer that cachelib's Redis backend takes in the place of pickle."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def dumps(self, value: Any) -> bytes:
        """``value`` as sealed JSON."""
        return self._sealer.seal(orjson.dumps(value)).encode()

    def loads(self, stored: bytes | None) -> Any:
        """The stored value; None for anything that we did not seal."""
        if stored is None:
            return None
        try:
            return orjson.loads(self._sealer.open(stored.decode()))
        except (SealBroken, UnicodeDecodeError, orjson.JSONDecodeError):
            return None


class ProfileCache:
    """Profiles by account id, each as the JSON object that the API shows."""

    def __init__(self) -> None:
        self._cache = Cache()

    def init_app(self, app: Flask, settings: UsersSettings) -> None:
        """Connect to Redis lazily, with timeouts short enough to do without it."""
        self._cache.init_app(
            app,
            config={
                "CACHE_TYPE": "RedisCache",
                "CACHE_REDIS_URL": settings.redis_url.get_secret_value(),
                "CACHE_KEY_PREFIX": "doorward:users:",
                "CACHE_DEFAULT_TIMEOUT": settings.profile_cache_seconds,
                "CACHE_OPTIONS": {
                    "socket_timeout": SOCKET_TIMEOUT_SECONDS,
                    "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
                },
            },
        )
        # Set on the backend: Flask-Caching would take a serializer only before the settings are known.
        app.extensions["cache"][self._cache].serializer = SealedJson(
            Sealer(settings.accepted_secrets, "profile-cache")
        )

    def find(self, account_id: UUID) -> dict[str, Any] | None:
        """The cached profile, if there is one."""
        try:
            found: dict[str, Any] | None = self._cache.get(str(account_id))
        except RedisError as error:
            log.warning("cache_unavailable", cause=repr(error))
            return None
        return found

    def offer(self, account_id: UUID, profile: dict[str, Any]) -> None:
        """Keep what was just read, unless a writer has put something newer there meanwhile."""
        self._quietly(self._cache.add, str(account_id), profile)

    def put(self, account_id: UUID, profile: dict[str, Any]) -> None:
        """Keep what was just written, over whatever readers offered."""
        self._quietly(self._cache.set, str(account_id), profile)

    def forget(self, account_id: UUID) -> None:
        """Drop the profile."""
        self._quietly(self._cache.delete, str(account_id))

    @staticmethod
    def _quietly(operation: Any, *arguments: Any) -> None:
        try:
            operation(*arguments)
        except RedisError as error:
            log.warning("cache_unavailable", cause=repr(error))


profiles = ProfileCache()

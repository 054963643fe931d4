"""Answers that are remembered for a moment by Flask-Caching's ``memoize``: JSON in Redis, nothing pickled.

For what may be a little old; profiles are not. Without Redis nothing is remembered, and nobody waits for it.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import orjson
from flask import Flask
from flask_caching import Cache
from redis.exceptions import RedisError

from services.users.cache.breaker import Breaker
from services.users.cache.redis_backend import RedisBackend
from services.users.settings import UsersSettings

PREFIX = "doorward:users:memo:"
SECONDS = 60  # unless whoever remembers says otherwise
Answer = TypeVar("Answer")


class JsonRedis(RedisBackend):
    """Values as JSON in Redis, as a backend of Flask-Caching; one that does not answer has nothing."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self._redis = self.connect(self.patience_seconds)
        self._breaker = Breaker(self._redis.ping)

    def get(self, key: str) -> Any:
        """The value; None where there is none."""
        found = self._ask(lambda: self._redis.get(self.prefix + key))
        return None if found is None else orjson.loads(found)  # type: ignore[arg-type]

    def get_many(self, *keys: str) -> list[Any]:
        """The values in this order."""
        return [self.get(key) for key in keys]

    def set(self, key: str, value: Any, timeout: int | timedelta | None = None) -> bool:
        """Keep the value for a while; whether it is kept."""
        kept_for = timeout or self.default_timeout
        return bool(self._ask(lambda: self._redis.set(self.prefix + key, orjson.dumps(value), ex=kept_for)))

    def set_many(self, mapping: dict[str, Any], timeout: int | timedelta | None = None) -> list[str]:
        """Keep the values; the keys of those that are kept."""
        return [key for key, value in mapping.items() if self.set(key, value, timeout)]

    def delete(self, key: str) -> bool:
        """Have no such value; whether there was one."""
        return bool(self._ask(lambda: self._redis.delete(self.prefix + key)))

    def delete_many(self, *keys: str) -> list[str]:
        """Have no such values; the keys of those that there were."""
        return [key for key in keys if self.delete(key)]

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        if not self._breaker.admits():
            return None
        try:
            return question()
        except RedisError:
            self._breaker.failed()
            return None


memos = Cache()


def install(app: Flask, settings: UsersSettings) -> None:
    """Connect to Redis lazily, and wait for it no longer than for profiles."""
    memos.init_app(app, config=JsonRedis.configuration(settings, prefix=PREFIX, default_timeout=SECONDS))

"""What a backend of Flask-Caching on Redis is made of: its configuration, its factory, its connections."""

from collections.abc import Callable
from typing import Any, Self

from flask import Flask
from flask_caching.backends.base import BaseCache
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

from services.users.settings import UsersSettings

Greet = Callable[[AbstractConnection], None]


class RedisBackend(BaseCache):
    """A backend that Flask-Caching makes of the configuration that ``configuration`` gives."""

    def __init__(self, url: str, *, prefix: str, patience_seconds: float, default_timeout: int) -> None:
        super().__init__(default_timeout=default_timeout)
        self._url = url
        self.prefix = prefix
        self.patience_seconds = patience_seconds

    @classmethod
    def configuration(cls, settings: UsersSettings, *, prefix: str, default_timeout: int) -> dict[str, Any]:
        """The configuration of a cache that has this backend."""
        return {
            "CACHE_TYPE": f"{cls.__module__}.{cls.__name__}",
            "CACHE_REDIS_URL": settings.redis_url.get_secret_value(),
            "CACHE_KEY_PREFIX": prefix,
            "CACHE_DEFAULT_TIMEOUT": default_timeout,
            "CACHE_OPTIONS": {"patience_seconds": settings.cache_patience_milliseconds / 1000},
        }

    @classmethod
    def factory(
        cls,
        app: Flask,  # noqa: ARG003  (Flask-Caching's form)
        config: dict[str, Any],
        args: list[Any],  # noqa: ARG003
        kwargs: dict[str, Any],
    ) -> Self:
        """The backend that Flask-Caching's configuration describes."""
        return cls(
            config["CACHE_REDIS_URL"],
            prefix=config["CACHE_KEY_PREFIX"],
            patience_seconds=kwargs["patience_seconds"],
            default_timeout=kwargs["default_timeout"],
        )

    def connect(self, patience_seconds: float, *, greet: Greet | None = None) -> "Redis":
        """A pool of connections that gives up after that long, and connects when it is used.

        ``greet`` is called with each new connection.
        """
        return Redis.from_url(
            self._url,
            socket_timeout=patience_seconds,
            socket_connect_timeout=patience_seconds,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=greet,
        )

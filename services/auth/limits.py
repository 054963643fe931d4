"""Request limits by client address: Flask-Limiter on Redis, in this process's memory while Redis is away."""

import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response
from flask_limiter import RequestLimit

from services.auth.deps import deps
from services.auth.extensions import limiter
from services.auth.settings import AuthSettings
from shared.chassis import errors

SOCKET_TIMEOUT_SECONDS = 0.25
View = TypeVar("View", bound=Callable[..., Any])


def install(app: Flask, settings: AuthSettings) -> None:
    """Bind the limiter to ``app`` and to Redis."""
    app.config.update(
        RATELIMIT_STORAGE_URI=settings.redis_url.get_secret_value(),
        RATELIMIT_STORAGE_OPTIONS={
            "socket_timeout": SOCKET_TIMEOUT_SECONDS,
            "socket_connect_timeout": SOCKET_TIMEOUT_SECONDS,
        },
        RATELIMIT_STRATEGY="sliding-window-counter",
        RATELIMIT_KEY_PREFIX="doorward:auth:limits",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_HEADERS_ENABLED=False,  # the gateway tells its own limits
    )
    limiter.init_app(app)


def limited(setting: str) -> Callable[[View], View]:
    """Limit a view to what the setting of that name says, counted together with all views of that setting."""

    def decorate(view: View) -> View:
        limit = limiter.shared_limit(
            lambda: str(getattr(deps().settings, setting)), scope=setting, on_breach=_refuse
        )
        return cast("View", limit(view))

    return decorate


def _refuse(breach: RequestLimit) -> Response | None:
    raise errors.TooManyRequests(retry_after_seconds=int(breach.reset_at - time.time()) + 1)

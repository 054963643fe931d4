"""Request limits by client address: Flask-Limiter on Redis, in this process's memory while Redis is away."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from flask import Flask, Response
from flask_limiter import RateLimitExceeded, RequestLimit

from services.auth.deps import deps
from services.auth.extensions import limiter
from services.auth.settings import AuthSettings
from shared.chassis import errors
from shared.chassis.logs import get_logger
from shared.chassis.quotas import retry_after

SOCKET_TIMEOUT_SECONDS = 0.25
View = TypeVar("View", bound=Callable[..., Any])

log = get_logger(__name__)


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
        RATELIMIT_SWALLOW_ERRORS=True,  # else of those that wait for Redis in vain all but the first fail
        RATELIMIT_HEADERS_ENABLED=False,  # the gateway tells its own limits
    )
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, lambda error: error.response)


def limited(setting: str) -> Callable[[View], View]:
    """Limit a view to what the setting of that name says, counted together with all views of that setting."""

    def decorate(view: View) -> View:
        limit = limiter.shared_limit(
            lambda: str(getattr(deps().settings, setting)), scope=setting, on_breach=partial(_refuse, setting)
        )
        return cast("View", limit(view))

    return decorate


def _refuse(setting: str, breach: RequestLimit) -> Response:
    """The answer. Raised, it would be taken for a failure of Redis, and the count begin anew in memory."""
    seconds = retry_after(breach)
    log.info("attempt_refused", reason=setting, seconds=seconds)
    return errors.handle_api_error(errors.TooManyRequests(retry_after_seconds=seconds))

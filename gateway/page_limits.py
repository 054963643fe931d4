"""The limits of the gateway's own pages, by Flask-Limiter: counted in Redis, by a share in memory without it.

It blocks while it asks Redis, so every page is a sync view, which runs in a thread. Forwarded requests are
counted on the loop, by ``limits``: docs/gateway.md says what that spares them.
"""

from typing import Any, cast

from flask import Flask, Response, request
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from gateway.client_address import limit_key
from gateway.settings import GatewaySettings
from shared.chassis import errors
from shared.chassis.quotas import USUAL_SECONDS, retry_after, seconds_left

PAGES_A_MINUTE = 300
SIGN_INS_A_MINUTE = 10
SIGN_IN_ENDPOINTS = frozenset({"console.sign_in", "console.second_factor"})
HEALTH = "health"  # the chassis' blueprint: a probe must not be refused


def install(app: Flask, settings: GatewaySettings) -> None:
    """Limit what ``app`` answers itself by the client's address; its health is exempt."""
    seconds = settings.limiter_timeout_seconds
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "retry": Retry(NoBackoff(), 0),
    }
    limiter = Limiter(
        caller,
        default_limits=[lambda: _quota(workers=1)],
        storage_uri=settings.redis_url.get_secret_value(),
        storage_options=options,
        in_memory_fallback=cast("list[str]", [lambda: _quota(workers=settings.workers)]),  # callables do
        swallow_errors=True,  # else of the requests that wait for Redis in vain all but the first fail
        key_prefix="doorward:pages",
    )
    limiter.request_filter(_is_exempt)
    limiter.init_app(app)
    app.register_error_handler(RateLimitExceeded, lambda _: _refusal(limiter))
    app.after_request(lambda response: _told(response, limiter.current_limits))


def caller() -> str:
    """Whom the limits count."""
    return limit_key(request.remote_addr or "")


def _is_exempt() -> bool:
    return request.blueprint == HEALTH


def _quota(*, workers: int) -> str:
    is_sign_in = request.method == "POST" and request.endpoint in SIGN_IN_ENDPOINTS
    quota = SIGN_INS_A_MINUTE if is_sign_in else PAGES_A_MINUTE
    return f"{max(1, quota // workers)} per minute"


def _refusal(limiter: Limiter) -> Response:
    broken = [limit for limit in limiter.current_limits if limit.breached]
    seconds = max(map(retry_after, broken), default=USUAL_SECONDS)
    members: dict[str, Any] = {"violated-policies": ["pages"]}
    return errors.handle_api_error(errors.TooManyRequests(retry_after_seconds=seconds, **members))


def _told(response: Response, limits: list[RequestLimit]) -> Response:
    """Say what is left (draft-ietf-httpapi-ratelimit-headers-11)."""
    for limit in limits:
        item = limit.limit
        response.headers["RateLimit-Policy"] = f'"pages";q={item.amount};w={item.get_expiry()}'
        left = seconds_left(limit)
        if left is not None:
            response.headers["RateLimit"] = f'"pages";r={max(0, limit.remaining)};t={left}'
    return response

"""What is counted and timed, by route and upstream; labels are names from the route table, never paths."""

import asyncio
from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

from gateway.tally import Tally
from gateway.values import METHODS
from shared.chassis.metrics import DURATION, REQUESTS

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

UPSTREAM_SECONDS = Histogram(
    "doorward_gateway_upstream_seconds",
    "From the request sent to the head of the answer received.",
    ["upstream"],
    buckets=_BUCKETS,
)
UPSTREAM_FAULTS = Counter(
    "doorward_gateway_upstream_faults_total", "Attempts without a usable answer.", ["upstream", "fault"]
)
RETRIES = Counter("doorward_gateway_retries_total", "Requests sent a second time.", ["upstream"])
LIMITED = Counter("doorward_gateway_limited_total", "Requests refused by a rate limit.", ["limit"])
CLIENTS_GONE = Counter(
    "doorward_gateway_clients_gone_total", "Clients that left before their answer.", ["route"]
)
LIMITER_ALONE = Gauge(
    "doorward_gateway_limiter_alone",
    "1 while a worker counts for itself because Redis does not answer.",
    multiprocess_mode="livemax",
)
LIMITER_WORKERS = Gauge(
    "doorward_gateway_limiter_workers",
    "Workers of all replicas that share the quotas, as the worker knows that knows of the fewest.",
    ["store"],  # and not without a label, which would be 0 in gunicorn's master
    multiprocess_mode="livemin",
)
REVOCATIONS_DEAF = Gauge(
    "doorward_gateway_revocations_deaf",
    "1 while a worker hears no revocations.",
    multiprocess_mode="livemax",
)
REPLICAS_HEALTHY = Gauge(
    "doorward_gateway_replicas_healthy",
    "Replicas expected to answer.",
    ["upstream"],
    multiprocess_mode="livemin",
)
BREAKERS_OPEN = Gauge(
    "doorward_gateway_breakers_open",
    "Replicas left alone after failures.",
    ["upstream"],
    multiprocess_mode="livemax",
)
SOCKETS_OPEN = Gauge(
    "doorward_gateway_websockets_open", "Open WebSockets.", ["route"], multiprocess_mode="livesum"
)
SOCKETS_CLOSED = Counter(
    "doorward_gateway_websockets_closed_total", "WebSockets that have ended.", ["route", "code"]
)
SOCKET_MESSAGES = Counter(
    "doorward_gateway_websocket_messages_total",
    "Messages of WebSockets, by the side that they came from.",
    ["route", "side"],
)

# What is counted for each request is put together here and written a few times a second: a write to the file
# that the workers share costs more than the rest of the counting, and it takes five for a request.
FLUSH_SECONDS = 0.2


_requests: dict[tuple[str, str, int], int] = {}  # method, route, status
_messages: dict[tuple[str, str], int] = {}  # route, side
_tallies: set[Tally] = set()
_timer: asyncio.TimerHandle | None = None

_upstream_tally = lru_cache(maxsize=256)(lambda upstream: Tally(UPSTREAM_SECONDS.labels(upstream)))


@lru_cache(maxsize=1024)
def _request_tally(method: str, route: str) -> Tally:
    return Tally(DURATION.labels("gateway", method, route))


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered."""
    method = method if method in METHODS else "other"
    key = (method, route, status)
    _requests[key] = _requests.get(key, 0) + 1
    _add(_request_tally(method, route), seconds)


def count_message(route: str, side: str) -> None:
    """A message of a WebSocket was passed on."""
    key = (route, side)
    _messages[key] = _messages.get(key, 0) + 1
    _flush_soon()


def count_end(route: str, code: int) -> None:
    """A WebSocket has ended."""
    # Codes from 3000 on are an app's own, and a client may use any: too many for a label.
    SOCKETS_CLOSED.labels(route, str(code) if code < 3000 else "3000-4999").inc()


def time_upstream(upstream: str, seconds: float) -> None:
    """An upstream's answer began."""
    _add(_upstream_tally(upstream), seconds)


def _add(tally: Tally, seconds: float) -> None:
    tally.add(seconds)
    _tallies.add(tally)
    if _timer is None:
        _flush_soon()


def _flush_soon() -> None:
    global _timer  # noqa: PLW0603  (one timer for the metrics of the process)
    if _timer is None:
        _timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, flush)


def flush() -> None:
    """Write what was counted, so that a scrape sees it."""
    global _timer  # noqa: PLW0603
    if _timer is not None:
        _timer.cancel()
        _timer = None
    for tally in _tallies:
        tally.write()
    _tallies.clear()
    for (method, route, status), count in _requests.items():
        REQUESTS.labels("gateway", method, route, status).inc(count)
    _requests.clear()
    for (route, side), count in _messages.items():
        SOCKET_MESSAGES.labels(route, side).inc(count)
    _messages.clear()


async def stop() -> None:
    """Write what was counted last."""
    flush()

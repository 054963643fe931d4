"""What is counted and timed, by route and upstream; labels are names from the route table, never paths."""

from functools import lru_cache

from prometheus_client import Counter, Gauge, Histogram

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

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@lru_cache(maxsize=4096)
def _request_children(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The two series of a kind of request, looked up once: a look-up costs more than the counting."""
    return REQUESTS.labels("gateway", method, route, status), DURATION.labels("gateway", method, route)


_upstream_child = lru_cache(maxsize=256)(UPSTREAM_SECONDS.labels)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered."""
    counter, histogram = _request_children(method if method in _METHODS else "other", route, status)
    counter.inc()
    histogram.observe(seconds)


def time_upstream(upstream: str, seconds: float) -> None:
    """An upstream's answer began."""
    _upstream_child(upstream).observe(seconds)

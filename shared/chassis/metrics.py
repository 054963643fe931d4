"""Prometheus metrics: requests by route, never by path, and no account in a label."""

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter(
    "doorward_http_requests_total", "Requests answered.", ["process", "method", "route", "status"]
)
DURATION = Histogram(
    "doorward_http_request_duration_seconds", "Time to answer.", ["process", "method", "route"]
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def exposition() -> Response:
    """All metrics of this server in the text format, gathered over its worker processes."""
    registry = DEFAULT_REGISTRY
    # prometheus_client itself looks at this variable when it is imported; the server sets it.
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def install(app: Flask, process: str) -> None:
    """Count and time every request of ``app``."""

    @app.before_request
    def start_timer() -> None:
        g.started_at = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "unmatched"
        method = request.method if request.method in _METHODS else "other"
        REQUESTS.labels(process, method, route, response.status_code).inc()
        started_at = g.pop("started_at", None)
        if started_at is not None:
            DURATION.labels(process, method, route).observe(time.perf_counter() - started_at)
        return response

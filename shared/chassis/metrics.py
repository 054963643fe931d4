"""Prometheus metrics: requests by route, never by path, and no account in a label."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from importlib.metadata import version
from threading import Thread
from wsgiref.simple_server import WSGIServer

from flask import Flask, Response, current_app, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    start_http_server,
)
from prometheus_client import REGISTRY as DEFAULT_REGISTRY
from prometheus_client.multiprocess import MultiProcessCollector

from shared.chassis.logs import get_logger

Measure = Callable[[], None]  # sets gauges; may raise where it cannot look

REQUESTS = Counter(
    "doorward_http_requests_total", "Requests answered.", ["process", "method", "route", "status"]
)
DURATION = Histogram(
    "doorward_http_request_duration_seconds", "Time to answer.", ["process", "method", "route"]
)
BUILD = Gauge(
    "doorward_build_info", "1; the label says the version.", ["process", "version"], multiprocess_mode="max"
)
_MEASURES = "doorward_measures"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


log = get_logger(__name__)


def before_scrape(app: Flask, measure: Measure) -> None:
    """Have ``measure`` set its gauges whenever somebody asks for the metrics of ``app``."""
    app.extensions.setdefault(_MEASURES, []).append(measure)


@contextmanager
def _closing(server: WSGIServer, thread: Thread) -> Iterator[None]:
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def serve(host: str, port: int) -> AbstractContextManager[None]:
    """Answer for a process that has no web server, a Celery worker, to its end or that of the answer's
    ``with``; raises OSError where the port cannot be had.
    """
    return _closing(*start_http_server(port, addr=host))


def exposition() -> Response:
    """All metrics of this server in the text format, gathered over its worker processes."""
    for measure in current_app.extensions.get(_MEASURES, ()):
        try:
            measure()
        except Exception:
            # What cannot be looked at keeps its last value: the other metrics are wanted all the more.
            log.exception("measure_failed")
    registry = DEFAULT_REGISTRY
    # prometheus_client itself looks at this variable when it is imported; the server sets it.
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def install(app: Flask, process: str) -> None:
    """Count and time every request of ``app``, and say which version it is."""
    BUILD.labels(process, version("doorward")).set(1)

    @cache  # as many as the labels have values
    def series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        return REQUESTS.labels(process, method, route, status), DURATION.labels(process, method, route)

    @app.before_request
    def start_timer() -> None:
        g.started_at = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        rule, asked = request.url_rule, request.method
        route = rule.rule if rule else "unmatched"
        method = asked if asked in _METHODS else "other"
        requests, duration = series(method, route, response.status_code)
        requests.inc()
        started_at = g.pop("started_at", None)
        if started_at is not None:
            duration.observe(time.perf_counter() - started_at)
        return response

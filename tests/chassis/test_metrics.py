"""What is measured when somebody asks, and how a worker without a web server tells its counts."""

import socket

import httpx
import pytest
from flask import Flask
from prometheus_client import Gauge
from structlog.testing import capture_logs

from shared.chassis import messaging, metrics
from shared.chassis.app import new_app
from shared.chassis.settings import ServiceSettings
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import SECRET

WAITING = Gauge("doorward_test_waiting", "How many wait in a test.", multiprocess_mode="mostrecent")


@pytest.fixture
def settings() -> ServiceSettings:
    return ServiceSettings(
        jwt_secret_key=SECRET,
        redis_url="redis://127.0.0.1:1/0",
        public_url="http://127.0.0.1:8080",
        database_url="postgresql://role:password@127.0.0.1:1/none",
    )


@pytest.fixture
def app(settings: ServiceSettings) -> Flask:
    return new_app(__name__, settings, process="mini")


def test_gauge_is_set_whenever_somebody_asks(app: Flask) -> None:
    values = iter([3, 5])
    metrics.before_scrape(app, lambda: WAITING.set(next(values)))
    client = app.test_client()

    answers = [client.get("/metrics").text for _ in range(2)]

    assert ["doorward_test_waiting 3.0" in answers[0], "doorward_test_waiting 5.0" in answers[1]] == [
        True,
        True,
    ]


def test_measure_that_cannot_look_leaves_the_other_metrics(app: Flask) -> None:
    def fail() -> None:
        raise ConnectionError

    metrics.before_scrape(app, fail)

    answer = app.test_client().get("/metrics")

    assert answer.status_code == 200
    assert "doorward_http_requests_total" in answer.text


def test_worker_answers_on_the_port_that_is_set(settings: ServiceSettings) -> None:
    port = free_port()

    server = messaging.serve_metrics(settings.model_copy(update={"worker_metrics_port": port}))

    assert server is not None
    with server:
        assert "python_info" in httpx.get(f"http://127.0.0.1:{port}/metrics").text


def test_worker_without_a_port_answers_nowhere(settings: ServiceSettings) -> None:
    assert messaging.serve_metrics(settings) is None


def test_port_in_use_is_told_and_does_not_keep_the_worker_from_its_work(settings: ServiceSettings) -> None:
    with socket.socket() as taken, capture_logs() as logs:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = messaging.serve_metrics(
            settings.model_copy(update={"worker_metrics_port": taken.getsockname()[1]})
        )

    assert server is None
    assert [entry["event"] for entry in logs] == ["metrics_not_served"]

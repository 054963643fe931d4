"""The gateway's own pages are limited too, with Redis and without it; its health never is."""

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from flask import Flask
from flask_limiter import RequestLimit

from gateway import page_limits
from gateway.settings import GatewaySettings
from shared.chassis.quotas import retry_after
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.tokens import SECRET
from tests.gateway.conftest import SESSION_SECRET, StartGateway


def test_what_the_gateway_answers_itself_is_counted_but_for_its_health(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    patient = {"GATEWAY_WORKERS": "1", "GATEWAY_LIMITER_TIMEOUT_SECONDS": "1"}
    gateway = start_gateway(REDIS_URL=private_redis.url(), **patient)
    with httpx.Client(base_url=gateway.url) as client:
        page = client.get("/.well-known/security.txt")
        few = [client.get(path).status_code for path in ("/", "/docs/", "/openapi.json")]
        for _ in range(2 * page_limits.PAGES_A_MINUTE):  # a minute may end meanwhile
            last = client.get("/.well-known/security.txt")
            if last.status_code != 200:
                break
        health = [client.get("/livez").status_code for _ in range(20)]

    assert page.headers["ratelimit-policy"] == '"pages";q=300;w=60'
    assert page.headers["ratelimit"].startswith('"pages";r=299;t=')
    assert few == [302, 200, 200]
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(last.headers["retry-after"]) <= 61
    assert set(health) == {200}


def test_pages_and_sign_ins_are_counted_by_a_share_while_redis_is_away(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    gateway = start_gateway(REDIS_URL=private_redis.url(), GATEWAY_WORKERS="1")
    private_redis.stop()

    with httpx.Client(base_url=gateway.url) as client:
        pages = [client.get("/.well-known/security.txt") for _ in range(5)]
        console = [
            client.get("/console/sign-in"),
            client.get("/console/", headers={"Cookie": "doorward_console=x"}),
        ]
        guesses = [client.post("/console/sign-in").status_code for _ in range(12)]
        health = {client.get("/livez").status_code for _ in range(20)}

    assert {page.status_code for page in pages} == {200}
    assert pages[-1].headers["ratelimit"].startswith('"pages";r=295;')
    assert [(answer.status_code, answer.json()["code"]) for answer in console] == [(503, "unavailable")] * 2
    assert "Traceback" not in gateway.lines()
    assert guesses[10:] == [429, 429]
    assert 429 not in guesses[:10]
    assert health == {200}


def small_app(redis_url: str) -> Flask:
    app = Flask(__name__)
    values: dict[str, Any] = {
        "jwt_secret_key": SECRET,
        "session_secret_key": SESSION_SECRET,
        "redis_url": redis_url,
        "public_url": "http://gateway.test",
        "limiter_timeout_seconds": 0.3,
    }
    page_limits.install(app, GatewaySettings(**values))
    return app


def test_a_page_is_answered_though_redis_leaves_after_it_has_counted(private_redis: PrivateRedis) -> None:
    app = small_app(private_redis.url())

    @app.get("/")
    def page() -> str:
        private_redis.stop()
        return "a page"

    answer = app.test_client().get("/")

    assert (answer.status_code, answer.text) == (200, "a page")
    assert answer.headers["RateLimit-Policy"] == '"pages";q=300;w=60'
    assert "RateLimit" not in answer.headers


def test_a_refusal_is_one_though_redis_leaves_after_it_has_counted(
    private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = small_app(private_redis.url())
    app.add_url_rule("/", view_func=lambda: "a page")
    monkeypatch.setattr(page_limits, "PAGES_A_MINUTE", 1)

    def ask_the_departed(limit: RequestLimit) -> int:
        private_redis.stop()
        return retry_after(limit)

    monkeypatch.setattr(page_limits, "retry_after", ask_the_departed)
    answers = [app.test_client().get("/") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].headers["Retry-After"] == "61"


def test_pages_that_wait_together_for_a_redis_that_hangs_are_all_answered() -> None:
    """The first that gives up turns to the memory of the worker; the others are then not counted."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = small_app(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        app.add_url_rule("/", view_func=lambda: "a page")
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(lambda _: app.test_client().get("/"), range(4)))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert any(answer.headers.get("RateLimit-Policy") for answer in answers)


def test_an_ipv6_customer_is_one_client_however_many_addresses_it_has() -> None:
    app = Flask(__name__)
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::1"}):
        first = page_limits.caller()
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::ffff:2"}):
        assert page_limits.caller() == first

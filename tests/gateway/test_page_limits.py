"""The gateway's own pages are limited too, with Redis and without it; its health never is."""

import httpx
from flask import Flask

from gateway import page_limits
from shared.chassis.testing.clients import PrivateRedis
from tests.gateway.conftest import StartGateway


def test_what_the_gateway_answers_itself_is_counted_but_for_its_health(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    gateway = start_gateway(REDIS_URL=private_redis.url(), GATEWAY_WORKERS="1")
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
        guesses = [client.post("/console/sign-in").status_code for _ in range(12)]
        health = {client.get("/livez").status_code for _ in range(20)}

    assert {page.status_code for page in pages} == {200}
    assert pages[-1].headers["ratelimit"].startswith('"pages";r=295;')
    assert guesses[10:] == [429, 429]
    assert 429 not in guesses[:10]
    assert health == {200}


def test_an_ipv6_customer_is_one_client_however_many_addresses_it_has() -> None:
    app = Flask(__name__)
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::1"}):
        first = page_limits.caller()
    with app.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8::ffff:2"}):
        assert page_limits.caller() == first

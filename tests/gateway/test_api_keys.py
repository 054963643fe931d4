"""A program's key becomes a short-lived token at the edge, and services never see the key."""

import asyncio
import time
from uuid import UUID

import httpx
import orjson
import pytest
from redis import Redis

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Handler, Received, Upstream
from tests.gateway.wire import hammer

KEY = "dwk_abcdefgh_" + "k" * 43
OTHER_KEY = "dwk_abcdefgh_" + "x" * 43
EXCHANGE = "/internal/api-keys/exchange"
ME = "/api/v1/users/me"


def auth_that_knows(token: str, *, status: int = 200) -> Handler:
    async def answer(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request.body = await reader.readexactly(int(request.value("content-length") or 0))
        is_known = orjson.loads(request.body)["key"] == KEY
        code = status if is_known else 401
        content = {"access_token": token, "expires_in": 900} if code == 200 else {"code": "api_key_invalid"}
        body = orjson.dumps(content)
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (code, len(body), body))

    return answer


@pytest.fixture
def key_id() -> UUID:
    return new_id()


@pytest.fixture
def token(account_id: UUID, key_id: UUID) -> str:
    return access_token(account_id, claims={"scope": "account", "sid": str(key_id)})


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway()


@pytest.mark.parametrize("headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}])
def test_a_key_is_exchanged_once_and_never_passed_on(
    gateway: Gateway, upstream: Upstream, token: str, headers: dict[str, str]
) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token)

    answers = [httpx.get(gateway.url + ME, headers=headers) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert len(upstream.at(EXCHANGE)) == 1
    assert (upstream.at(EXCHANGE)[0].value("authorization") or "").startswith("Bearer ")
    for request in upstream.at(ME):
        assert request.value("authorization") == f"Bearer {token}"
        assert not any(KEY.encode() in value for _, value in request.headers)
    assert KEY not in gateway.lines()


def test_an_unknown_key_is_refused_and_asked_about_once(
    gateway: Gateway, upstream: Upstream, token: str
) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token)

    answers = [httpx.get(gateway.url + ME, headers={"X-API-Key": OTHER_KEY}) for _ in range(4)]
    odd = httpx.get(gateway.url + ME, headers={"X-API-Key": "dwk_nonsense"})

    assert [answer.json()["code"] for answer in answers] == ["api_key_invalid"] * 4
    assert (odd.status_code, odd.json()["code"]) == (401, "api_key_invalid")
    assert len(upstream.at(EXCHANGE)) == 1
    assert upstream.at(ME) == []


async def test_many_at_once_make_one_question(gateway: Gateway, upstream: Upstream, token: str) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token)

    answers = await asyncio.gather(
        *(hammer(gateway.port, ME, {"X-API-Key": KEY}, times=2) for _ in range(20))
    )

    assert {answer.status for one in answers for answer in one} == {200}
    assert len(upstream.at(EXCHANGE)) == 1


async def test_guessing_keys_is_limited_before_auth_hears_of_it(gateway: Gateway, upstream: Upstream) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows("x")

    answers = [
        (await hammer(gateway.port, ME, {"X-API-Key": f"dwk_abcdefgh_{number:043d}"}, times=1))[0]
        for number in range(130)
    ]

    assert [answer.status for answer in answers].count(401) == 120
    assert answers[-1].status == 429
    assert len(upstream.at(EXCHANGE)) == 120


def test_without_auth_a_key_is_nothing_that_can_be_judged(
    gateway: Gateway, upstream: Upstream, token: str
) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token, status=503)

    answer = httpx.get(gateway.url + ME, headers={"X-API-Key": KEY})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_key_survives_a_change_of_roles_and_acts_with_those_of_now(
    gateway: Gateway, upstream: Upstream, account_id: UUID, key_id: UUID, redis_url: str
) -> None:
    now = int(time.time())
    before, after = (
        access_token(account_id, claims={"scope": "account", "sid": str(key_id), "iat": iat, "roles": roles})
        for iat, roles in ((now - 60, []), (now, ["admin"]))
    )
    upstream.handlers[EXCHANGE] = auth_that_knows(before)
    first = httpx.get(gateway.url + ME, headers={"X-API-Key": KEY})
    upstream.handlers[EXCHANGE] = auth_that_knows(after)

    with Redis.from_url(redis_url) as redis:
        news = {"member": f"account:{account_id}:{now - 30}", "expires_at": now + 900}
        redis.publish("doorward:revocations", orjson.dumps(news))

    def is_renewed() -> bool:
        answer = httpx.get(gateway.url + ME, headers={"X-API-Key": KEY})
        assert answer.status_code == 200
        return ["authorization", f"Bearer {after}"] in answer.json()["headers"]

    wait_until(is_renewed, what="a token with the roles of now")
    admin = httpx.get(gateway.url + "/api/v1/auth/accounts", headers={"X-API-Key": KEY})

    assert (first.status_code, admin.status_code) == (200, 200)
    assert len(upstream.at(EXCHANGE)) == 2


def test_a_public_route_takes_whatever_key_comes_along(
    gateway: Gateway, upstream: Upstream, token: str
) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token)
    login = gateway.url + "/api/v1/auth/login"

    dead = httpx.post(login, headers={"X-API-Key": OTHER_KEY})
    as_bearer = httpx.post(login, headers={"Authorization": f"Bearer {OTHER_KEY}"})
    beside = httpx.post(login, headers={"X-API-Key": OTHER_KEY, "Authorization": f"Bearer {token}"})
    living = httpx.post(login, headers={"X-API-Key": KEY})

    seen = [request.value("authorization") for request in upstream.at("/api/v1/auth/login")]
    assert [answer.status_code for answer in (dead, as_bearer, beside, living)] == [200] * 4
    assert seen == [None, None, f"Bearer {token}", f"Bearer {token}"]


def test_a_key_is_refused_once_its_end_is_heard_of(
    gateway: Gateway, upstream: Upstream, token: str, key_id: UUID, redis_url: str
) -> None:
    upstream.handlers[EXCHANGE] = auth_that_knows(token)
    before = httpx.get(gateway.url + ME, headers={"X-API-Key": KEY})

    with Redis.from_url(redis_url) as redis:
        news = {"member": f"session:{key_id}", "expires_at": int(time.time()) + 900}
        redis.publish("doorward:revocations", orjson.dumps(news))

    def is_refused() -> bool:
        after = httpx.get(gateway.url + ME, headers={"X-API-Key": KEY})
        return after.status_code == 401 and after.json()["code"] == "token_revoked"

    assert before.status_code == 200
    wait_until(is_refused, what="an end that was heard of")


async def test_guesses_of_keys_are_limited_whatever_else_is_refused(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    """What one limit has refused, another that refuses the same request gives nobody."""
    upstream.handlers[EXCHANGE] = auth_that_knows("")
    routes = """
[upstreams.auth]
urls = ["${AUTH_URL}"]
[upstreams.users]
urls = ["${USERS_URL}"]
[limits.unmatched]
quota = 1
window_seconds = 3600
slack = 0
[limits.caller]
quota = 1
window_seconds = 3600
slack = 0
by = "caller"
[[routes]]
name = "x"
prefix = "/x"
upstream = "users"
access = "signed in"
limits = ["caller"]
"""
    gateway = start_gateway(routes=routes)

    for number in range(20):
        key = f"dwk_abcdefgh_{number:043d}"
        await hammer(gateway.port, "/x/y", {"X-API-Key": key}, times=1)

    assert len(upstream.at(EXCHANGE)) == 1

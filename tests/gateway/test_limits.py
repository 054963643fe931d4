"""Limits hold over workers and gateways, with Redis and without it."""

import asyncio
import time
from collections import Counter
from uuid import UUID

import httpx
import pytest

from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.wire import Response, hammer

PATH = "/x/y"


def routes(*limits: str, names: str) -> str:
    return (
        "\n".join(limits) + "\n[limits.unmatched]\nquota = 5\nwindow_seconds = 60\nslack = 0\n"
        '[upstreams.u]\nurls = ["${USERS_URL}"]\n'
        f'[[routes]]\nname = "x"\nprefix = "/x"\nupstream = "u"\naccess = "public"\nlimits = [{names}]\n'
        f'[[routes]]\nname = "own"\nprefix = "/own"\nupstream = "u"\nlimits = [{names}]\n'
    )


def limit(
    name: str, quota: int, *, slack: float = 0, by: str = "address", seconds: int = 60, cost: int = 1
) -> str:
    values = f'quota = {quota}\nwindow_seconds = {seconds}\nslack = {slack}\nby = "{by}"\ncost = {cost}\n'
    return f"[limits.{name}]\n{values}"


async def crowd(gateways: list[Gateway], *, clients: int, times: int) -> Counter[int]:
    """``clients`` connections, spread over ``gateways``, that all ask at once."""
    answers = await asyncio.gather(
        *(hammer(gateways[number % len(gateways)].port, PATH, {}, times=times) for number in range(clients))
    )
    return Counter(answer.status for one in answers for answer in one)


async def test_a_limit_of_a_hundred_admits_exactly_a_hundred_over_all_workers(
    start_gateway: StartGateway,
) -> None:
    table = routes(limit("exact", 100), names='"exact"')
    gateways = [start_gateway(routes=table, GATEWAY_WORKERS="4") for _ in range(2)]

    counted = await crowd(gateways, clients=200, times=3)

    assert counted == {200: 100, 429: 500}


async def test_a_leased_limit_never_admits_more_and_at_most_two_percent_less(
    start_gateway: StartGateway,
) -> None:
    table = routes(limit("large", 10_000, slack=0.02), names='"large"')
    settings = {"GATEWAY_WORKERS": "2", "GATEWAY_LIMITER_TIMEOUT_SECONDS": "1"}
    gateways = [start_gateway(routes=table, **settings) for _ in range(2)]
    await asyncio.sleep(2.5)  # until every worker knows of the others

    counted = await crowd(gateways, clients=40, times=300)

    assert sum(counted.values()) == 12_000
    assert 9_800 <= counted[200] <= 10_000
    assert not any("limiter_counts_alone" in gateway.lines() for gateway in gateways)


async def test_an_answer_says_what_is_left_and_a_refusal_when_to_come_back(
    start_gateway: StartGateway,
) -> None:
    table = routes(limit("few", 2), limit("many", 50), names='"few", "many"')
    gateway = start_gateway(routes=table)

    first, _, third = await hammer(gateway.port, PATH, {}, times=3)

    assert first.headers["ratelimit-policy"] == '"few";q=2;w=60, "many";q=50;w=60'
    assert first.headers["ratelimit"] == '"few";r=1;t=60, "many";r=49;t=60'
    assert third.status == 429
    assert third.headers["ratelimit"].startswith('"few";r=0;t=')
    assert 1 <= int(third.headers["retry-after"]) <= 60
    assert b'"violated-policies":["few"]' in third.body


async def test_what_one_limit_refuses_another_does_not_count(start_gateway: StartGateway) -> None:
    table = routes(limit("wide", 100), limit("narrow", 1), names='"wide", "narrow"')
    gateway = start_gateway(routes=table)

    await hammer(gateway.port, PATH, {}, times=20)
    (last,) = await hammer(gateway.port, PATH, {}, times=1)

    assert '"wide";r=99' in last.headers["ratelimit"] or '"wide";r=98' in last.headers["ratelimit"]


async def test_a_request_may_cost_more_than_one(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=routes(limit("dear", 10, cost=4), names='"dear"'))

    statuses = [answer.status for answer in await hammer(gateway.port, PATH, {}, times=4)]

    assert statuses == [200, 200, 429, 429]


async def test_a_window_ends_and_the_next_begins(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=routes(limit("short", 2, seconds=1), names='"short"'))

    before = [answer.status for answer in await hammer(gateway.port, PATH, {}, times=3)]
    await asyncio.sleep(1.1)
    after = [answer.status for answer in await hammer(gateway.port, PATH, {}, times=3)]

    assert before == after == [200, 200, 429]


async def test_accounts_have_quotas_of_their_own(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=routes(limit("each", 2, by="account"), names='"each"'))

    async def statuses(account: UUID) -> list[int]:
        headers = bearer(access_token(account))
        return [answer.status for answer in await hammer(gateway.port, "/own", headers, times=3)]

    assert await statuses(new_id()) == await statuses(new_id()) == [200, 200, 429]


async def test_bad_tokens_and_unknown_paths_are_counted_too(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=routes(limit("few", 3), names='"few"'))

    bad = [answer.status for answer in await hammer(gateway.port, "/own", bearer("bad"), times=5)]
    unknown = [answer.status for answer in await hammer(gateway.port, "/nowhere", {}, times=7)]
    health = [answer.status for answer in await hammer(gateway.port, "/livez", {}, times=50)]

    assert bad == [401] * 3 + [429] * 2
    assert unknown == [404] * 5 + [429] * 2
    assert set(health) == {200}


async def test_a_preflight_is_not_counted(start_gateway: StartGateway) -> None:
    table = routes(limit("few", 1), names='"few"').replace('name = "x"\n', 'name = "x"\ncors = "c"\n')
    gateway = start_gateway(routes='[cors.c]\norigins = ["https://a.org"]\n' + table)
    headers = {"Origin": "https://a.org", "Access-Control-Request-Method": "GET"}

    async with httpx.AsyncClient() as client:
        answers = [await client.options(gateway.url + PATH, headers=headers) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {204}


@pytest.mark.parametrize("failure", ["stop", "pause"])
async def test_without_redis_each_worker_admits_its_share_and_nobody_waits(
    start_gateway: StartGateway, private_redis: PrivateRedis, failure: str
) -> None:
    quota, workers = 100, 4
    table = routes(limit("exact", quota), names='"exact"')
    gateways = [
        start_gateway(routes=table, GATEWAY_WORKERS="2", REDIS_URL=private_redis.url()) for _ in range(2)
    ]
    await asyncio.sleep(2.5)
    with_redis = await crowd(gateways, clients=40, times=1)
    getattr(private_redis, failure)()
    slowest = 0.0

    async def ask(gateway: Gateway) -> list[Response]:
        nonlocal slowest
        answers = []
        for _ in range(20):
            began = time.monotonic()
            answers += await hammer(gateway.port, PATH, {}, times=1)
            slowest = max(slowest, time.monotonic() - began)
        return answers

    answers = await asyncio.gather(*(ask(gateways[number % 2]) for number in range(16)))
    without_redis = Counter(answer.status for one in answers for answer in one)
    ready = await asyncio.to_thread(httpx.get, f"{gateways[0].url}/readyz")
    if failure == "pause":
        private_redis.unpause()
    else:
        private_redis.start()

    assert with_redis == {200: 40}
    assert with_redis[200] + without_redis[200] <= quota * 1.2  # each worker goes by what it heard last
    assert without_redis[429] > 0
    assert slowest < 0.3
    assert ready.json()["checks"]["rate_limits"] == "fail"
    assert workers == 4
    deadline = time.monotonic() + 8
    while (await asyncio.to_thread(httpx.get, f"{gateways[0].url}/readyz")).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)

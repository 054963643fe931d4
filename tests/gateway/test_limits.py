"""Limits hold over workers and gateways, with Redis and without it."""

import asyncio
import math
import re
import tomllib
from collections import Counter
from functools import partial
from uuid import UUID

import httpx
import pytest
from redis import Redis

from gateway.route_file import DEFAULT_FILE
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token, bearer
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.wire import hammer

PATH = "/x/y"
LOGIN = "/api/v1/auth/login"


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


def crowded(
    start_gateway: StartGateway, redis: PrivateRedis, text: str, *, workers: int, **more: str
) -> list[Gateway]:
    """Two gateways that know of each other's workers, and of no others."""
    table = routes(text, names='"exact"')
    settings = {"GATEWAY_WORKERS": str(workers // 2), "REDIS_URL": redis.url(), **more}
    gateways = [start_gateway(routes=table, **settings) for _ in range(2)]
    for gateway in gateways:
        wait_until(partial(knows_of, gateway, workers), what="workers that know of all others")
    return gateways


def metric(gateway: Gateway, name: str) -> float:
    text = httpx.get(gateway.metrics_url).text
    found = re.search(rf"^doorward_gateway_{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else math.nan


def knows_of(gateway: Gateway, workers: int) -> bool:
    return metric(gateway, 'limiter_workers{store="redis"}') == workers


def used(redis: Redis) -> int:
    """What Redis has counted against the limit "exact"."""
    return sum(int(redis.get(key) or 0) for key in redis.scan_iter("doorward:limit:exact:*"))


def is_ready(gateway: Gateway) -> bool:
    checks = httpx.get(f"{gateway.url}/readyz").json()["checks"]
    return bool(checks["rate_limits"] == "pass")


async def test_a_limit_of_a_hundred_admits_exactly_a_hundred_over_all_workers(
    start_gateway: StartGateway,
) -> None:
    table = routes(limit("exact", 100), names='"exact"')
    # Exact is what Redis counts: on a busy machine it must not be taken for dead after 50 ms.
    settings = {"GATEWAY_WORKERS": "4", "GATEWAY_LIMITER_TIMEOUT_SECONDS": "1"}
    gateways = [start_gateway(routes=table, **settings) for _ in range(2)]

    counted = await crowd(gateways, clients=200, times=3)

    assert counted == {200: 100, 429: 500}


async def test_a_leased_limit_never_admits_more_and_at_most_two_percent_less(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    leased = limit("exact", 10_000, slack=0.02)
    patient = {"GATEWAY_LIMITER_TIMEOUT_SECONDS": "1"}
    gateways = crowded(start_gateway, private_redis, leased, workers=4, **patient)

    counted = await crowd(gateways, clients=40, times=300)

    assert not any("limiter_counts_alone" in gateway.lines() for gateway in gateways)
    assert sum(counted.values()) == 12_000
    assert 9_800 <= counted[200] <= 10_000


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


async def test_members_of_an_organization_share_its_quota(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=routes(limit("each", 3, by="organization"), names='"each"'))

    async def statuses(organization: UUID | None) -> list[int]:
        claims = {"org": {"id": str(organization), "role": "member"}} if organization else {}
        headers = bearer(access_token(new_id(), claims=claims))
        return [answer.status for answer in await hammer(gateway.port, "/own", headers, times=2)]

    one, other = new_id(), new_id()

    assert [await statuses(one), await statuses(one)] == [[200, 200], [200, 429]]
    assert [await statuses(other), await statuses(None), await statuses(None)] == [[200, 200]] * 3


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
async def test_without_redis_each_worker_admits_its_share_and_says_so(
    start_gateway: StartGateway, private_redis: PrivateRedis, failure: str
) -> None:
    quota, workers = 100, 4
    gateways = crowded(start_gateway, private_redis, limit("exact", quota), workers=workers)
    with_redis = await crowd(gateways, clients=40, times=1)

    await asyncio.to_thread(getattr(private_redis, failure))
    without_redis = await crowd(gateways, clients=16, times=20)
    for gateway in gateways:
        wait_until(lambda: metric(gateway, "limiter_alone") == 1, what="the metric")  # noqa: B023
        wait_until(lambda: not is_ready(gateway), what="a worker that says so")  # noqa: B023
    await asyncio.to_thread(private_redis.unpause if failure == "pause" else private_redis.start)

    assert with_redis == {200: 40}
    # Each worker goes to its own share, and not beyond what it had admitted before.
    assert with_redis[200] + without_redis[200] <= 40 + quota - quota // workers
    assert without_redis[429] > 0
    for gateway in gateways:
        wait_until(lambda: metric(gateway, "limiter_alone") == 0, what="Redis in use again")  # noqa: B023
        wait_until(partial(is_ready, gateway), what="a worker that says so")
        assert "limiter_counts_alone" in gateway.lines()
        assert "limiter_counts_together" in gateway.lines()


async def test_redis_killed_in_the_middle_admits_less_than_twice_the_quota(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    quota, workers = 100, 8
    gateways = crowded(start_gateway, private_redis, limit("exact", quota), workers=workers)

    asking = asyncio.create_task(crowd(gateways, clients=200, times=6))
    with private_redis.client() as redis:
        await asyncio.to_thread(wait_until, lambda: used(redis) > 30, what="thirty that were admitted")
    await asyncio.to_thread(private_redis.stop)
    counted = await asking

    assert sum(counted.values()) == 1200
    assert 30 < counted[200] <= quota + (workers - 1) * (quota // workers)


async def test_a_sign_in_is_never_unlimited_whatever_becomes_of_redis(
    start_gateway: StartGateway, private_redis: PrivateRedis
) -> None:
    table = DEFAULT_FILE.read_text().replace("window_seconds = 60", "window_seconds = 3600")
    quota, workers = tomllib.loads(table)["limits"]["sign-in"]["quota"], 2
    gateway = start_gateway(routes=table, GATEWAY_WORKERS=str(workers), REDIS_URL=private_redis.url())
    over = asyncio.Event()

    async def guess() -> Counter[int]:
        counted: Counter[int] = Counter()
        while not over.is_set():
            counted.update(
                answer.status for answer in await hammer(gateway.port, LOGIN, {}, times=5, method="POST")
            )
        return counted

    def trouble() -> None:
        for _ in range(3):
            wait_until(lambda: not is_ready(gateway), what="a gateway that knows")
            private_redis.unpause()
            wait_until(partial(is_ready, gateway), what="Redis in use again")
            with private_redis.client() as redis:
                redis.eval("for i = 1, 20000000 do end", 0)  # nobody else is answered meanwhile
                redis.flushall()
            private_redis.restart()
            private_redis.pause()
        private_redis.unpause()

    await asyncio.to_thread(private_redis.pause)
    guessing = [asyncio.create_task(guess()) for _ in range(6)]
    await asyncio.to_thread(trouble)
    over.set()
    counted = sum(await asyncio.gather(*guessing), Counter())

    assert set(counted) == {200, 429}
    # Redis forgets three times what was admitted; each worker knows what it has admitted itself.
    assert counted[200] <= quota * workers
    assert counted[429] > quota


async def test_a_redis_that_has_lost_its_memory_grants_no_second_quota(
    start_gateway: StartGateway, redis_url: str
) -> None:
    gateway = start_gateway(routes=routes(limit("exact", 10), names='"exact"'))
    before = await hammer(gateway.port, PATH, {}, times=6)

    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    after = await hammer(gateway.port, PATH, {}, times=20)

    assert [answer.status for answer in before] == [200] * 6
    assert [answer.status for answer in after] == [200] * 4 + [429] * 16


async def test_a_redis_that_has_lost_the_scripts_is_given_them_again(
    start_gateway: StartGateway, redis_url: str
) -> None:
    gateway = start_gateway(routes=routes(limit("exact", 100), names='"exact"'))
    with Redis.from_url(redis_url) as redis:
        redis.script_flush()

        await hammer(gateway.port, PATH, {}, times=1)  # counted alone, since Redis cannot
        wait_until(partial(is_ready, gateway), what="scripts in use again")
        await hammer(gateway.port, PATH, {}, times=3)

        assert used(redis) == 4  # what was counted alone is paid back

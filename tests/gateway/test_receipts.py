"""Which pairs reached their clients is reported once, and nothing is lost without its being said."""

# ruff: noqa: ASYNC110

import asyncio
import time
from collections.abc import Callable

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from structlog.testing import capture_logs

from gateway import receipts
from gateway.receipts import Receipts
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import tokens
from tests.gateway.conftest import StartGateway
from tests.gateway.wire import Wire

ME = "/api/v1/users/me"


def stored(redis_url: str) -> dict[str, int]:
    with Redis.from_url(redis_url) as redis:
        return {key.decode(): int(value) for key, value in redis.hgetall(tokens.RECEIPTS).items()}


def complete_since(redis_url: str) -> int:
    with Redis.from_url(redis_url) as redis:
        return int(redis.get(tokens.RECEIPTS_SINCE) or 0)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_true():
            await asyncio.sleep(0.02)


async def reported(noted: Receipts, **pairs: int) -> None:
    """Note the pairs, and report them in one go."""
    for session, pair in pairs.items():
        noted.note(session, pair)
    await noted.start()
    await noted.stop()


async def test_pair_is_reported_when_its_token_is_first_presented(
    start_gateway: StartGateway, redis_url: str
) -> None:
    gateway = start_gateway()
    session = str(new_id())
    wire = await Wire.connect(gateway.port)

    for pair in (3, 4, 3):
        await wire.get(ME, bearer(access_token(new_id(), claims={"sid": session, "pair": pair})))
    await wire.get(ME, bearer(access_token(new_id())))  # an API key's has no pair
    wire.close()

    await until(lambda: stored(redis_url) == {session: 4})


async def test_higher_number_is_kept_whoever_reports_first(redis_url: str) -> None:
    await reported(Receipts(redis_url), a=5, b=1)
    await reported(Receipts(redis_url), a=4, b=2)

    assert stored(redis_url) == {"a": 5, "b": 2}


async def test_what_redis_missed_is_reported_when_it_is_back(private_redis: PrivateRedis) -> None:
    noted = Receipts(private_redis.url())
    await reported(noted, a=1)
    since = complete_since(private_redis.url())
    await noted.start()
    await asyncio.to_thread(private_redis.stop)

    noted.note("b", 1)
    await until(lambda: noted._is_failing)
    await asyncio.to_thread(private_redis.start)
    await until(lambda: not noted._is_failing)
    await noted.stop()

    assert stored(private_redis.url()) == {"a": 1, "b": 1}
    assert complete_since(private_redis.url()) == since


class Counted(Receipts):
    """Counts how often it tries to report."""

    attempts = 0

    async def _send_all(self, redis: AsyncRedis) -> None:
        self.attempts += 1
        await super()._send_all(redis)


async def test_long_outage_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "REPORT_SECONDS", 0.01)
    noted = Counted(f"redis://127.0.0.1:{free_port()}/0")

    with capture_logs() as lines:
        await noted.start()
        await until(lambda: noted.attempts >= 4)
        await noted.stop()

    assert [line["log_level"] for line in lines if line["log_level"] != "debug"] == ["warning"]


class Overtaken(Receipts):
    """While its first batch is on its way, the client comes with the next pair."""

    async def _send(self, redis: AsyncRedis, batch: dict[str, int], has_dropped: bool) -> None:
        if batch == {"a": 1, "b": 1}:
            self.note("a", 2)
        await super()._send(redis, batch, has_dropped)


async def test_pair_that_is_noted_while_the_one_before_is_sent_is_reported(redis_url: str) -> None:
    await reported(Overtaken(redis_url), a=1, b=1)

    assert stored(redis_url) == {"a": 2, "b": 1}


async def test_worker_that_had_no_room_says_since_when_nothing_is_missing(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set(tokens.RECEIPTS_SINCE, 1)
    monkeypatch.setattr(receipts, "MOST_WAITING", 2)

    await reported(Receipts(redis_url), a=1, b=1, c=1)

    assert stored(redis_url) == {"a": 1, "b": 1}
    assert complete_since(redis_url) >= int(time.time()) - 5


async def test_redis_without_room_says_since_when_nothing_is_missing(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await reported(Receipts(redis_url), a=1, b=1)
    with Redis.from_url(redis_url) as redis:
        redis.set(tokens.RECEIPTS_SINCE, 1)
    monkeypatch.setattr(receipts, "MOST_STORED", 2)

    await reported(Receipts(redis_url), a=2)
    before = complete_since(redis_url)
    await reported(Receipts(redis_url), c=1)

    assert stored(redis_url) == {"a": 2, "b": 1}
    assert (before, complete_since(redis_url) > 1) == (1, True)


async def test_redis_that_knows_nothing_counts_from_the_start_of_a_worker(redis_url: str) -> None:
    await reported(Receipts(redis_url))

    assert complete_since(redis_url) >= int(time.time()) - 5


async def test_what_could_not_be_sent_in_the_end_holds_nobody_up(private_redis: PrivateRedis) -> None:
    noted = Receipts(private_redis.url())
    await noted.start()
    await asyncio.to_thread(private_redis.stop)
    noted.note("a", 1)

    await noted.stop()

    assert noted._waiting == {"a": 1}


async def test_receipts_that_never_started_stop() -> None:
    await Receipts("redis://127.0.0.1:1/0").stop()

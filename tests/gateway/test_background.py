"""Background work survives what it did not foresee."""

# ruff: noqa: ASYNC110

import asyncio
from contextlib import suppress

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from structlog.testing import capture_logs

from gateway import background
from gateway.background import closed_at_the_end


async def test_work_that_fails_is_told_and_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "BEGIN_AGAIN_SECONDS", 0)
    begun = asyncio.Semaphore(0)

    async def work() -> None:
        begun.release()
        raise ZeroDivisionError

    with capture_logs() as lines:
        task = background.keep_running(work, name="division")
        async with asyncio.timeout(10):
            for _ in range(3):
                await begun.acquire()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert task.cancelled()
    assert {(line["event"], line["work"]) for line in lines} == {("background_work_failed", "division")}


@pytest.mark.parametrize("turns", range(6))
async def test_connection_is_closed_though_the_task_is_cancelled_while_it_closes(
    redis_url: str, turns: int
) -> None:
    name = f"closing-{turns}"
    redis = AsyncRedis.from_url(redis_url, client_name=name)
    is_open, may_end = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with closed_at_the_end(redis):
            await redis.ping()
            is_open.set()
            await may_end.wait()

    task = asyncio.create_task(work())
    await is_open.wait()
    may_end.set()
    for _ in range(turns):  # of the loop, in which it goes on to its end
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    with Redis.from_url(redis_url) as observer:
        async with asyncio.timeout(30):
            while name in [client["name"] for client in observer.client_list()]:
                await asyncio.sleep(0.02)

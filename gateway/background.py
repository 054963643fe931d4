"""Work beside the requests that nobody waits for, and that has to go on whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis

from shared.chassis.logs import get_logger

BEGIN_AGAIN_SECONDS = 1.0

log = get_logger(__name__)


def keep_running(work: Callable[[], Coroutine[Any, Any, None]], *, name: str) -> asyncio.Task[None]:
    """A task that runs ``work`` until it is cancelled: where ``work`` raises, it is begun again."""
    return asyncio.get_running_loop().create_task(_again_and_again(work, name), name=name)


async def _again_and_again(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    while True:
        try:
            await work()
        except Exception:
            log.exception("background_work_failed", work=name)
        await asyncio.sleep(BEGIN_AGAIN_SECONDS)


def heed_cancellation() -> None:
    """Raise the cancellation that the Redis client may have taken for a lost connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@asynccontextmanager
async def closed_at_the_end(redis: Redis) -> AsyncIterator[Redis]:
    """The client, whose connections are closed at the end of the ``with``.

    Its own ``async with`` leaves them open where the task is cancelled while the end is under way: when a
    worker stops just after a connection was lost.
    """
    try:
        yield redis
    finally:
        await _to_its_end(redis.aclose())


async def _to_its_end(work: Awaitable[None]) -> None:
    """Await all of ``work``, also where this task is cancelled meanwhile; then the cancellation goes on."""
    running = asyncio.ensure_future(work)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await running
        raise

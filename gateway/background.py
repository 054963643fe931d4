"""Work beside the requests that nobody waits for, and that has to go on whatever happens to it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

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

"""Background work survives what it did not foresee."""

import asyncio
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from gateway import background


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

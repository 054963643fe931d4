"""Staying in touch with Redis: one connection in use, and others tried beside it while it hangs.

A connection that hangs is kept, since it may be the first to answer again; but a paused container, or a proxy
that accepts before Redis is there, leaves connections that never will.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence

from gateway.background import keep_running
from gateway.limits.redis_address import RedisAddress
from gateway.limits.redis_connection import LinkDown, RedisConnection
from gateway.limits.resp import Part, Reply

TRY_EVERY_SECONDS = 0.25
TRY_SECONDS = 2.0
FIRST_TRY_SECONDS = 0.5
# What Redis has counted it has counted: answers of a connection that was replaced are waited for so long.
LATE_ANSWERS_SECONDS = 1.0


class RedisLink:
    """Redis, as long as it answers in time."""

    def __init__(self, url: str, *, timeout_seconds: float, scripts: Sequence[str]) -> None:
        self._address = RedisAddress(url)
        self._hello = [*self._address.hello, *(("SCRIPT", "LOAD", script) for script in scripts)]
        self.timeout_seconds = timeout_seconds
        self._current: RedisConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._trouble = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether an answer can be expected in time."""
        return self._current is not None and self._current.is_prompt

    def call(
        self,
        *command: Part,
        patience_seconds: float | None = None,
        if_late: Callable[[Reply], None] | None = None,
    ) -> asyncio.Future[Reply]:
        """The future answer to ``command``; fails with LinkDown after the time limit at the latest.

        An answer that comes later is given to ``if_late``: what Redis has done is done.
        """
        patience = self.timeout_seconds if patience_seconds is None else patience_seconds
        if self._current is None or not self._current.is_prompt or patience <= 0:
            raise LinkDown("Redis is not connected, or late")
        return self._current.call(command, patience_seconds=patience, if_late=if_late)

    async def start(self) -> None:
        """Connect, and stay connected from now on; returns after the first try, whatever came of it."""
        self._loop = asyncio.get_running_loop()
        await self._try(max(FIRST_TRY_SECONDS, self.timeout_seconds))
        if not self.is_up:
            self._trouble.set()
        self._keeper = keep_running(self._keep, name="redis link")

    async def stop(self) -> None:
        """End the connection."""
        if self._keeper is not None:
            self._keeper.cancel()
        if self._current is not None:
            self._current.abort()

    async def _keep(self) -> None:
        while True:
            await self._trouble.wait()
            tries: set[asyncio.Task[None]] = set()
            while not self.is_up:
                tries = {one for one in tries if not one.done()}
                tries.add(self._loop.create_task(self._try(TRY_SECONDS)))
                await asyncio.sleep(TRY_EVERY_SECONDS)
            self._trouble.clear()
            for one in tries:
                one.cancel()

    async def _try(self, seconds: float) -> None:
        """Make another connection, and use it if by then there is none that answers."""
        connection = RedisConnection(self._loop, self._trouble.set)
        try:
            async with asyncio.timeout(seconds):
                await self._address.connect(self._loop, lambda: connection)
                await connection.greet(self._hello)
        except (OSError, TimeoutError, LinkDown):
            connection.abort()
            return
        except asyncio.CancelledError:
            connection.abort()
            raise
        if self.is_up:
            connection.abort()
            return
        former, self._current = self._current, connection
        if former is not None:
            self._loop.call_later(LATE_ANSWERS_SECONDS, former.abort)


def sha_of(script: str) -> str:
    """The name under which Redis knows ``script`` once it is loaded."""
    return hashlib.sha1(script.encode()).hexdigest()  # noqa: S324  (Redis names scripts so)

"""Waiting for what others bring: one coroutine at most, woken on the loop."""

import asyncio


class Waiting:
    """Something that is waited for."""

    __slots__ = ("_waiter", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Return when something has happened."""
        self._waiter = waiter = self.loop.create_future()
        await waiter

    def wake(self) -> None:
        """Something has happened."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

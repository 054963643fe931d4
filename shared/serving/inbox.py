"""The messages of one WebSocket that wait for the app, and whoever waits for them."""

import asyncio
from collections import deque

# What may wait before the other side is asked to wait.
MOST_HELD = 65_536
MOST_MESSAGES = 64


class Inbox:
    """Messages in their order."""

    __slots__ = ("_held", "_loop", "_messages", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: deque[str | bytes] = deque()
        self._held = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether the other side had better wait."""
        return self._held >= MOST_HELD or len(self._messages) >= MOST_MESSAGES

    def put(self, message: str | bytes) -> None:
        """One has arrived."""
        self._messages.append(message)
        self._held += len(message)
        self.wake()

    def take(self) -> str | bytes | None:
        """The oldest; None where there is none."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._held -= len(message)
        return message

    async def wait(self) -> None:
        """Return when something has happened."""
        self._waiter = waiter = self._loop.create_future()
        await waiter

    def wake(self) -> None:
        """Something has happened."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

"""The messages of one WebSocket that wait for the app, and whoever waits for them."""

import asyncio
from collections import deque

from shared.serving.waiting import Waiting

# What may wait before the other side is asked to wait.
MOST_HELD = 65_536
MOST_MESSAGES = 64


class Inbox(Waiting):
    """Messages in their order."""

    __slots__ = ("_held", "_messages")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._messages: deque[str | bytes] = deque()
        self._held = 0

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

"""The body of one request on its way from the connection to the app: an ASGI ``receive``."""

import asyncio
from typing import Protocol

from shared.serving.messages import Message
from shared.serving.waiting import Waiting

# What may wait for the app before the client is asked to wait.
MOST_HELD = 65_536


class BodySender(Protocol):
    """Where a body comes from: a client who is waited for."""

    def await_body(self, body: "Body") -> None:
        """The app waits for the client from now on."""
        ...

    def stop_awaiting_body(self) -> None:
        """It no longer does."""
        ...

    def resume_reading(self) -> None:
        """There is room again."""
        ...


class Body(Waiting):
    """One request's body."""

    __slots__ = (
        "_held",
        "_is_handed_over",
        "_pieces",
        "_sender",
        "is_complete",
        "is_gone",
        "size",
        "waited_seconds",
    )

    def __init__(self, sender: BodySender, loop: asyncio.AbstractEventLoop, *, is_empty: bool) -> None:
        super().__init__(loop)
        self._sender = sender
        self._pieces: list[bytes] = []
        self._held = 0
        self._is_handed_over = self.is_gone = False
        self.is_complete = is_empty
        self.size = 0
        self.waited_seconds = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the client had better wait."""
        return self._held >= MOST_HELD

    async def receive(self) -> Message:
        """The next piece; once all is handed over, the news that the client has gone."""
        if not self._pieces and not self.is_complete and not self.is_gone:
            await self._wait_for_client()
        if self._is_handed_over:
            while not self.is_gone:
                await self.wait()
        if self.is_gone:
            return {"type": "http.disconnect"}
        piece = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        self._is_handed_over = self.is_complete
        if not self.is_complete:
            self._sender.resume_reading()
        return {"type": "http.request", "body": piece, "more_body": not self.is_complete}

    async def _wait_for_client(self) -> None:
        began = self.loop.time()
        self._sender.await_body(self)
        try:
            while not self._pieces and not self.is_complete and not self.is_gone:
                await self.wait()
        finally:
            self._sender.stop_awaiting_body()
            self.waited_seconds += self.loop.time() - began

    def feed(self, piece: bytes) -> None:
        """A piece has arrived."""
        self._pieces.append(piece)
        self._held += len(piece)
        self.size += len(piece)
        self.wake()

    def complete(self) -> None:
        """It was the last."""
        self.is_complete = True
        self.wake()

    def disconnect(self) -> None:
        """Nothing will come any more, and nothing be read."""
        self.is_gone = True
        self.wake()

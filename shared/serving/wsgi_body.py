"""The body of a request for a WSGI app: here before a thread is taken, or read by the thread if large."""

import asyncio
import io
from typing import IO, Any

from shared.serving.messages import Message, Receive, Scope

# So much of a body is awaited before an app hears of it: a slow client holds no thread for less.
HELD = 1_048_576


class ClientLeft(Exception):
    """The client left before its request was complete."""


async def input_of(scope: Scope, receive: Receive) -> IO[bytes]:
    """``wsgi.input``. A body that says to be large is the app's at once: it may refuse it unread."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    body, is_whole = b"", False
    if int(length) <= HELD:
        body, is_whole = await _collected(receive, HELD)
    if is_whole:
        return io.BytesIO(body)
    return io.BufferedReader(_Coming(body, receive, asyncio.get_running_loop()))


async def _collected(receive: Receive, enough: int) -> tuple[bytes, bool]:
    """What comes of a body until it is ``enough``, and whether that is all; raises ClientLeft."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        size += len(piece)
        pieces.append(piece)
        is_whole = not message.get("more_body", False)
        if is_whole or size >= enough:
            return b"".join(pieces), is_whole


class _Coming(io.RawIOBase):
    """What there is of a body, and what still comes."""

    def __init__(self, body: bytes, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._waiting = body
        self._receive = receive
        self._loop = loop
        self._is_over = False

    def readable(self) -> bool:
        """It is."""
        return True

    async def _next(self) -> Message:
        return await self._receive()

    def readinto(self, buffer: Any) -> int:
        """Wait for a piece; raises ConnectionError if the client has left."""
        while not self._waiting and not self._is_over:
            message = asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()
            if message["type"] == "http.disconnect":
                raise ConnectionResetError("the client left before its request was complete")
            self._waiting = message.get("body", b"")
            self._is_over = not message.get("more_body", False)
        size = min(len(buffer), len(self._waiting))
        buffer[:size] = self._waiting[:size]
        self._waiting = self._waiting[size:]
        return size

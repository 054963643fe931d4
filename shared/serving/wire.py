"""The TCP side of one connection: reading and writing with back-pressure, and an orderly end."""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from shared.serving.messages import ClientTooSlow

LINGER_SECONDS = 1.0
TCP_CLOSE = b"\x07"
# What has to be taken of an answer within ``taking_seconds``.
TAKEN_BYTES = 65_536


class Stopping(Protocol):
    """What may be about to stop: a server."""

    is_stopping: bool


class Wire:
    """What a connection, its replies and its sockets write on."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        *,
        taking_seconds: float,
        server: Stopping | None = None,
    ) -> None:
        self.transport = transport
        self._loop = loop
        self._taking_seconds = taking_seconds
        self._server = server
        self._room: asyncio.Future[None] | None = None  # what a writer waits on
        self._is_reading = True
        self._is_write_paused = False
        self.has_written = False  # since somebody last looked
        self.is_gone = False  # nobody reads any more, or nothing more is written

    @property
    def is_ending(self) -> bool:
        """Whether the server is about to stop, so that the next answer is the last here."""
        return self._server is not None and self._server.is_stopping

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when what runs now has had its turn."""
        self._loop.call_soon(callback)

    # -- reading

    @property
    def is_reading(self) -> bool:
        """Whether what the other side sends is taken from the socket now."""
        return self._is_reading

    def pause_reading(self) -> None:
        """Let the client wait."""
        if self._is_reading and not self.transport.is_closing():
            self._is_reading = False
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """There is room for more."""
        if not self._is_reading and not self.transport.is_closing():
            self._is_reading = True
            self.transport.resume_reading()

    # -- writing

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._is_write_paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._is_write_paused = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def write(self, *pieces: bytes) -> None:
        """Send ``pieces`` in one go; a client that has just gone is none of the writer's business."""
        if self.transport.is_closing():
            return
        self.has_written = True
        try:
            if len(pieces) == 1:
                self.transport.write(pieces[0])
            else:
                self.transport.writelines(pieces)
        except (OSError, RuntimeError):
            pass

    @property
    def is_write_paused(self) -> bool:
        """Whether who writes had better wait."""
        return self._is_write_paused

    async def drain(self) -> None:
        """Return once the client has taken enough of what was written; raises ClientTooSlow."""
        while self._is_write_paused and not self.is_gone:
            before = self.transport.get_write_buffer_size()
            self._room = self._loop.create_future()
            try:
                async with asyncio.timeout(self._taking_seconds):
                    await self._room
            except TimeoutError as error:
                if before - self.transport.get_write_buffer_size() < TAKEN_BYTES:
                    self.abort()
                    raise ClientTooSlow from error

    # -- its end

    def is_reset(self) -> bool:
        """Whether the client has refused what was sent: it has left, and not only stopped sending (Linux)."""
        try:
            sock = self.transport.get_extra_info("socket")
            return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == TCP_CLOSE)
        except (AttributeError, OSError):
            return False

    def lose(self) -> None:
        """The client is gone."""
        self.is_gone = True
        self.resume_writing()

    def abort(self) -> None:
        """End at once, whatever is still to be sent."""
        self.is_gone = True
        self.transport.abort()

    def close(self) -> None:
        """End once the client has taken what was written, if it takes it."""
        if self.is_gone:
            return
        self.is_gone = True
        self.transport.close()
        if self.transport.get_write_buffer_size():  # slowhttptest's slow read
            self._loop.call_later(self._taking_seconds, self.transport.abort)

    def close_lingering(self) -> None:
        """End, but read over what the client still sends for a moment.

        Closing a socket with unread bytes resets it, and the reset would overtake the answer that says why
        the request was refused (RFC 9112 section 9.6).
        """
        if self.is_gone or not self.transport.can_write_eof():
            self.close()
            return
        self.is_gone = True
        try:
            self.transport.write_eof()
            self.resume_reading()
        except (OSError, RuntimeError):
            self.transport.abort()
            return
        self._loop.call_later(LINGER_SECONDS, self.transport.abort)

"""One HTTP/1.1 connection to an upstream: one exchange at a time, read no faster than it is relayed.

Written on asyncio's protocol interface because it is exact and cheap: the request head is sent byte
for byte as given (general clients rewrite the target), and a small answer costs one wake-up.
"""

import asyncio
import select
from collections.abc import Awaitable
from typing import Any

from gateway.upstream import faults
from gateway.upstream.framing import MalformedResponse, ResponseHead
from gateway.upstream.incoming import Incoming
from shared.serving.deadline import Deadline

HIGH_WATER = 262_144
LOW_WATER = 65_536


async def _at_hand(head: ResponseHead) -> ResponseHead:
    return head


class UpstreamConnection(asyncio.Protocol):
    """A connection and the exchange under way on it."""

    __slots__ = (
        "_can_write",
        "_deadline",
        "_fault",
        "_is_paused",
        "_loop",
        "_waiter",
        "idle_until",
        "incoming",
        "is_closed",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.transport: asyncio.Transport
        self.is_closed = False
        self.idle_until = 0.0
        self._deadline = Deadline(loop, self._time_out)
        self._waiter: asyncio.Future[Any] | None = None
        self._can_write: asyncio.Future[None] | None = None
        self._expect(b"")

    def _expect(self, method: bytes, *, may_switch: bool = False) -> None:
        self.incoming = Incoming(method, may_switch=may_switch)
        self._is_paused = False
        self._fault: faults.UpstreamFault | None = None

    # -- the exchange, as the proxy drives it

    def begin(self, method: bytes, head: bytes, *, may_switch: bool = False) -> None:
        """Send a request's head; the body follows through ``write``. A 101 has to be asked for."""
        self._expect(method, may_switch=may_switch)
        if self.is_closed:
            self._fault = faults.ConnectionEnded()
        else:
            self.transport.write(head)

    def switch(self) -> bytes:
        """Leave the transport to another protocol; what has come in that already. Raises ConnectionEnded."""
        if self.is_closed:
            raise faults.ConnectionEnded
        self._deadline.end()
        if self._is_paused:
            self.transport.resume_reading()
        return b"".join(self.incoming.pieces)

    def write(self, data: bytes) -> None:
        """Send a piece of the request's body."""
        if not self.is_closed:
            self.transport.write(data)

    async def drain(self) -> None:
        """Return once the upstream has taken enough of what was written."""
        if self._can_write is not None and not self.is_closed:
            await self._can_write

    def head(self, timeout_seconds: float) -> Awaitable[ResponseHead]:
        """The head of the final response; raises UpstreamFault."""
        head = self.incoming.head
        return self._next(timeout_seconds) if head is None else _at_hand(head)

    async def read(self, timeout_seconds: float) -> bytes:
        """The next piece of the body, ``b""`` at its end; raises UpstreamFault."""
        incoming = self.incoming
        while not incoming.pieces:
            if incoming.is_done:
                return b""
            await self._next(timeout_seconds)
        piece = incoming.next_piece()
        if self._is_paused and incoming.held < LOW_WATER:
            self._is_paused = False
            if not self.is_closed:
                self.transport.resume_reading()
        return piece

    def forget_timeout(self) -> None:
        """Wait on after a ``ResponseTimeout``."""
        if isinstance(self._fault, faults.ResponseTimeout):
            self._fault = None

    def has_news(self) -> bool:
        """Whether something has come that the loop has not seen yet: the end, on an idle connection."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """End the connection at once; whatever is under way on it is lost."""
        self.is_closed = True
        self.transport.abort()

    def _next(self, timeout_seconds: float) -> asyncio.Future[Any]:
        """The head, once more of the answer is there, or none can come; raises UpstreamFault."""
        if self._fault is not None:
            raise self._fault
        waiter = self._waiter = self._loop.create_future()
        self._deadline.set(timeout_seconds)
        return waiter

    def _time_out(self) -> None:
        self._fail(faults.ResponseTimeout())

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            return
        self._deadline.clear()
        if not waiter.done():
            if self._fault is None:
                waiter.set_result(self.incoming.head)
            else:
                waiter.set_exception(self._fault)

    def _fail(self, fault: faults.UpstreamFault) -> None:
        if self._fault is None:
            self._fault = fault
        self._wake()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]

    def pause_writing(self) -> None:
        """The upstream reads slower than the client sends."""
        if self._can_write is None:
            self._can_write = self._loop.create_future()

    def resume_writing(self) -> None:
        """The upstream has caught up."""
        waiter, self._can_write = self._can_write, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take bytes of the response."""
        incoming = self.incoming
        try:
            is_exact = incoming.take(data)
        except MalformedResponse as error:
            fault = faults.ProtocolFault(str(error))
            fault.__cause__ = error
            self._fail(fault)
            self.abort()
            return
        if not is_exact:
            # The answer itself is whole; only the connection cannot be trusted with another.
            self.abort()
        elif incoming.held > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
        if incoming.head is not None:
            self._wake()

    def eof_received(self) -> bool:
        """The upstream ended its side: the connection is over, and with it a body without length."""
        self._ended(None)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone; without an end before it, TLS was cut (RFC 8446 section 6.1)."""
        self._ended(error or ConnectionAbortedError())
        self._deadline.end()
        self.resume_writing()

    def _ended(self, error: Exception | None) -> None:
        self.is_closed = True
        if self.incoming.is_done or self._fault is not None:
            return self._wake()
        if self.incoming.head is None:
            has_begun = self.incoming.has_begun
            return self._fail(faults.ResponseIncomplete() if has_begun else faults.ConnectionEnded())
        if error is not None:
            return self._fail(faults.ResponseIncomplete())
        try:
            self.incoming.end()
        except MalformedResponse:
            return self._fail(faults.ResponseIncomplete())
        return self._wake()

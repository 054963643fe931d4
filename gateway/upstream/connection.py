"""One HTTP/1.1 connection to an upstream: one exchange at a time, read no faster than it is relayed.

Written on asyncio's protocol interface because it is exact and cheap: the request head is sent byte
for byte as given (general clients rewrite the target), and a small answer costs one wake-up.
"""

import asyncio
import select
from collections import deque

from gateway.upstream import faults
from gateway.upstream.bodies import Body, body_of
from gateway.upstream.framing import LONGEST_HEAD, Head, MalformedResponse, parse_head
from shared.serving.deadline import Deadline

HIGH_WATER = 262_144
LOW_WATER = 65_536


class Connection(asyncio.Protocol):
    """A connection and the exchange under way on it."""

    __slots__ = (
        "_body",
        "_buffer",
        "_can_write",
        "_chunks",
        "_deadline",
        "_fault",
        "_head",
        "_held",
        "_is_paused",
        "_loop",
        "_method",
        "_waiter",
        "idle_until",
        "is_closed",
        "transport",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.transport: asyncio.Transport
        self.is_closed = False
        self.idle_until = 0.0
        self._deadline = Deadline(loop, self._time_out)
        self._waiter: asyncio.Future[None] | None = None
        self._can_write: asyncio.Future[None] | None = None
        self._chunks: deque[bytes] = deque()
        self._reset(b"")
        self._method = b""

    def _reset(self, method: bytes) -> None:
        self._method = method
        self._buffer = b""
        self._head: Head | None = None
        self._body: Body | None = None
        self._held = 0
        self._is_paused = False
        self._fault: faults.UpstreamFault | None = None

    # -- the exchange, as the proxy drives it

    def begin(self, method: bytes, head: bytes) -> None:
        """Send a request's head; the body follows through ``write``."""
        self._reset(method)
        if self.is_closed:
            self._fault = faults.ConnectionEnded()
        else:
            self.transport.write(head)

    def write(self, data: bytes) -> None:
        """Send a piece of the request's body."""
        if not self.is_closed:
            self.transport.write(data)

    async def drain(self) -> None:
        """Return once the upstream has taken enough of what was written."""
        if self._can_write is not None and not self.is_closed:
            await self._can_write

    async def head(self, timeout_seconds: float) -> Head:
        """The head of the final response; raises UpstreamFault."""
        while self._head is None:
            await self._next(timeout_seconds)
        return self._head

    async def read(self, timeout_seconds: float) -> bytes:
        """The next piece of the body, ``b""`` at its end; raises UpstreamFault."""
        while not self._chunks:
            if self.is_done:
                return b""
            await self._next(timeout_seconds)
        chunk = self._chunks.popleft()
        self._held -= len(chunk)
        if self._is_paused and self._held < LOW_WATER:
            self._is_paused = False
            if not self.is_closed:
                self.transport.resume_reading()
        return chunk

    @property
    def is_done(self) -> bool:
        """Whether the response has been received to its end (it may still wait to be read)."""
        return self._body is not None and self._body.is_done

    @property
    def has_head(self) -> bool:
        """Whether the final response has begun."""
        return self._head is not None

    @property
    def has_more_than_one_piece(self) -> bool:
        """Whether the body came in several pieces."""
        return len(self._chunks) > 1

    def take_piece(self) -> bytes:
        """The one piece of a body that is done."""
        return self._chunks.popleft() if self._chunks else b""

    def forget_timeout(self) -> None:
        """Wait on after a ``ResponseTimeout``."""
        if isinstance(self._fault, faults.ResponseTimeout):
            self._fault = None

    @property
    def can_be_reused(self) -> bool:
        """Whether another request may follow: this response ended, exactly, and nobody closes."""
        head = self._head
        return not (self.is_closed or head is None or head.is_close or self._chunks) and self.is_done

    @property
    def keep_alive_seconds(self) -> float:
        """How long the upstream says that it keeps the connection."""
        return self._head.keep_alive_seconds if self._head else 0.0

    def has_news(self) -> bool:
        """Whether something has come that the loop has not seen yet: the end, on an idle connection."""
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """End the connection at once; whatever is under way on it is lost."""
        self.is_closed = True
        self.transport.abort()

    def _next(self, timeout_seconds: float) -> asyncio.Future[None]:
        """Done once more of the answer is there, or none can come; raises UpstreamFault."""
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
                waiter.set_result(None)
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
        try:
            if self._body is None:
                self._take_head(data)
            else:
                self._take_body(data)
        except MalformedResponse as error:
            fault = faults.ProtocolFault(str(error))
            fault.__cause__ = error
            self._fail(fault)
            self.abort()

    def _take_head(self, data: bytes) -> None:
        if self._buffer:
            data, self._buffer = self._buffer + data, b""
        end = data.find(b"\r\n\r\n")
        while end >= 0:
            head = parse_head(data[:end])
            data = data[end + 4 :]
            if head.status >= 200:
                return self._take_final(head, data)
            if head.status == 101:
                raise MalformedResponse("an upgrade that nobody asked for")
            end = data.find(b"\r\n\r\n")
        if len(data) > LONGEST_HEAD:
            raise MalformedResponse("a head without end")
        self._buffer = data
        return None

    def _take_final(self, head: Head, data: bytes) -> None:
        if not self._method:
            raise MalformedResponse("a response without a request")
        self._head = head
        self._body = body_of(head, self._method)
        if data:
            self._take_body(data)
        else:
            self._wake()

    def _take_body(self, data: bytes) -> None:
        body = self._body
        assert body is not None  # noqa: S101  (only called once there is a head)
        if body.is_done:
            raise MalformedResponse("bytes beyond the end of the response")
        payload, rest = body.feed(data)
        if payload:
            self._chunks.append(payload)
            self._held += len(payload)
        if rest:
            # The answer itself is whole; only the connection cannot be trusted with another.
            self.abort()
        elif self._held > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()
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
        if self.is_done or self._fault is not None:
            return self._wake()
        if self._body is None:
            fault: faults.UpstreamFault = faults.ConnectionEnded()
            if self._buffer:
                fault = faults.ResponseIncomplete()
            return self._fail(fault)
        if error is not None:
            return self._fail(faults.ResponseIncomplete())
        try:
            self._body.end()
        except MalformedResponse:
            return self._fail(faults.ResponseIncomplete())
        return self._wake()

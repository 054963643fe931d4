"""One response on its way to the client: its head, and how its body is framed (RFC 9112 section 6)."""

from collections.abc import Callable, Iterable
from typing import Protocol

from shared.serving import head_lines
from shared.serving.body import Body
from shared.serving.messages import Message, RawHeaders

# Larger bodies are handed over beside their framing: joining them would copy them.
LARGEST_JOINED = 65_536

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_DECIDED_HERE = frozenset({b"connection", b"transfer-encoding"})


class Outlet(Protocol):
    """Where a reply goes out: the wire of a connection."""

    @property
    def is_gone(self) -> bool:
        """Whether nobody reads any more."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether no other request will be taken from it."""
        ...

    def write(self, *pieces: bytes) -> None:
        """Send ``pieces`` in one go."""
        ...

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when what runs now has had its turn."""
        ...

    async def drain(self) -> None:
        """Return once the client has taken enough of what was written."""
        ...


class Reply:
    """What one request is answered with: an ASGI ``send`` that also takes a whole response at once."""

    __slots__ = (
        "_body",
        "_head",
        "_is_bodiless",
        "_is_chunked",
        "_is_head",
        "_left",
        "_may_chunk",
        "_outlet",
        "has_started",
        "is_complete",
        "is_event_stream",
        "is_last",
    )

    def __init__(
        self, outlet: Outlet, *, is_head: bool, may_chunk: bool, is_last: bool, body: Body | None = None
    ) -> None:
        self._outlet = outlet
        self._body = body  # of the request: what has not come of it would be taken for the next
        self._is_head = is_head  # the client asked for the head alone
        self._may_chunk = may_chunk  # the client speaks HTTP/1.1
        self._head = b""  # waits for the first piece of the body
        self._left: int | None = None  # what Content-Length promised and is still owed
        self._is_bodiless = self._is_chunked = False
        self.has_started = self.is_complete = self.is_event_stream = False
        self.is_last = is_last  # the connection ends after this response

    async def __call__(self, message: Message) -> None:
        """Send what one of ASGI's messages holds."""
        if self._outlet.is_gone:
            return
        if message["type"] == "http.response.start":
            self.start(message["status"], message.get("headers", ()))
            # An app that waits for its first event must not let the client wait for the head.
            self._outlet.call_soon(self._flush)
        else:
            self.write(message.get("body", b""), is_end=not message.get("more_body", False))
            await self._outlet.drain()

    def whole(self, status: int, fields: RawHeaders, body: bytes) -> None:
        """Send a response that is complete."""
        if not self._outlet.is_gone:
            self.start(status, fields)
            self.write(body, is_end=True)

    def start(self, status: int, fields: Iterable[tuple[bytes, bytes]]) -> None:
        """Make the head, which goes out with the first piece of the body; raises MalformedHead."""
        if self.has_started:
            raise RuntimeError("the response has started")
        self._is_bodiless = self._is_head or status in {204, 304}
        found = dict(fields)
        if status == 204 or b"connection" in found or b"transfer-encoding" in found:
            # RFC 9110 section 8.6; and how a response is cut, and whether it is the last, is decided here.
            dropped = _FRAMING | _DECIDED_HERE if status == 204 else _DECIDED_HERE
            fields = [field for field in fields if field[0] not in dropped]
        lines: list[bytes] = []
        if b"server" not in found:
            lines.append(head_lines.SERVER)
        if b"date" not in found:
            lines.append(head_lines.date())
        self._frame(found.get(b"content-length"), lines)
        self.is_event_stream = found.get(b"content-type", b"").startswith(b"text/event-stream")
        says_close = b"connection" in found and b"close" in found[b"connection"].lower()
        is_body_missing = self._body is not None and not self._body.is_complete
        self.is_last = self.is_last or says_close or is_body_missing or self._outlet.is_ending
        if self.is_last:
            lines.append(b"connection: close")
        self._head = head_lines.head(status, fields, lines)
        self.has_started = True

    def _frame(self, length: bytes | None, lines: list[bytes]) -> None:
        if self._is_bodiless:
            return
        if length is not None:
            self._left = int(length)
        elif self._may_chunk:
            self._is_chunked = True
            lines.append(b"transfer-encoding: chunked")
        else:
            self.is_last = True  # nothing but the end of the connection can end this body

    def write(self, body: bytes, *, is_end: bool) -> None:
        """Send a piece of the body, with the head if that has not gone; never more than was promised."""
        if not self.has_started:
            raise RuntimeError("the response has not started")
        if self._is_bodiless:
            body = b""
        elif self._left is not None:
            body = body[: self._left] if len(body) > self._left else body
            self._left -= len(body)
        head, self._head = self._head, b""
        if self._is_chunked:
            self._write_chunk(head, body, is_end=is_end)
        elif len(body) >= LARGEST_JOINED:
            self._outlet.write(head, body)
        elif head or body:
            self._outlet.write(head + body)
        # A body that is shorter than promised leaves the client waiting: the connection has to end.
        self.is_complete = is_end and not self._left

    def _flush(self) -> None:
        head, self._head = self._head, b""
        if head and not self._outlet.is_gone:
            self._outlet.write(head)

    def end_early(self) -> bool:
        """End a stream of events so that its client sees an end, and comes again; False if this is none."""
        if not (self.is_event_stream and self._is_chunked) or self._is_bodiless or self.is_complete:
            return False
        self.is_last = True
        self.write(b"", is_end=True)
        return True

    def _write_chunk(self, head: bytes, body: bytes, *, is_end: bool) -> None:
        last = b"0\r\n\r\n" if is_end else b""
        if not body:
            if head or last:
                self._outlet.write(head + last)
        elif len(body) >= LARGEST_JOINED:
            self._outlet.write(b"%b%x\r\n" % (head, len(body)), body, b"\r\n" + last)
        else:
            self._outlet.write(b"%b%x\r\n%b\r\n%b" % (head, len(body), body, last))

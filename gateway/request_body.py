"""The client's request body: read as it comes, counted against the route's limit, never kept whole."""

import asyncio

from gateway import errors
from gateway.messages import ClientGone, Receive

# A client that sends nothing for so long holds a connection to the upstream for nothing.
IDLE_SECONDS = 20.0


class RequestBody:
    """The body of one request."""

    __slots__ = ("_limit", "_receive", "_size", "is_done", "length")

    def __init__(self, receive: Receive, length: int | None, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._size = 0
        self.length = length  # None: chunked
        self.is_done = length == 0

    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end; raises BodyTooLarge, RequestTimeout or ClientGone."""
        while not self.is_done:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await self._receive()
            except TimeoutError as error:
                raise errors.RequestTimeout(headers={"Connection": "close"}) from error
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece: bytes = message.get("body", b"")
            self.is_done = not message.get("more_body", False)
            self._size += len(piece)
            if self._size > self._limit:
                raise errors.BodyTooLarge
            if piece:
                return piece
        return b""


def body_of(headers: list[tuple[bytes, bytes]], receive: Receive, limit: int) -> RequestBody:
    """The body that ``headers`` announce; raises BodyTooLarge before a byte of it was read."""
    length: int | None = 0
    for name, value in headers:
        if name == b"transfer-encoding":
            if length is None or value.lower() != b"chunked":
                raise errors.UnknownCoding
            length = None
        elif name == b"content-length" and length is not None:
            length = int(value)
    if length is not None and length > limit:
        raise errors.BodyTooLarge
    return RequestBody(receive, length, limit)


def is_expected(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether ``headers`` announce a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )


def framing_lines(headers: list[tuple[bytes, bytes]], body: RequestBody) -> bytes:
    """How the body is framed towards the upstream: anew, and never twice (RFC 9112 section 6.3)."""
    if body.length is None:
        return b"transfer-encoding: chunked\r\n"
    if body.length or any(name == b"content-length" for name, _ in headers):
        return b"content-length: %d\r\n" % body.length
    return b""

"""The client's request body: read as it comes, counted against the route's limit.

Up to 1 MiB of it is waited for before a service hears of the request: a client that sends a byte now and
then (slowhttptest's slow body) would else hold a place, and a thread, of the service for as long as it likes.
"""

import asyncio
from time import monotonic

from gateway import errors, held_bodies
from gateway.messages import ClientGone, Message, Receive

HELD_BYTES = 1_048_576
# A client may keep us waiting for so long in all, and for a second more with each so many bytes.
PATIENCE_SECONDS = 20.0
LEAST_BYTES_A_SECOND = 512


class RequestBody:
    """The body of one request."""

    __slots__ = (
        "_address",
        "_has_arrived",
        "_held",
        "_held_size",
        "_limit",
        "_receive",
        "_size",
        "is_awaited",
        "is_done",
        "length",
        "waited_seconds",
    )

    def __init__(self, receive: Receive, length: int | None, limit: int, address: str = "") -> None:
        self._receive = receive
        self._address = address
        self._limit = limit
        self._size = 0
        self._held = bytearray()  # received, and not read yet
        self._held_size = 0
        self.is_awaited = False  # whether the client is waited for now
        self._has_arrived = length == 0
        self.length = length  # None: chunked
        self.is_done = length == 0
        self.waited_seconds = 0.0  # for the client, in all

    async def hold(self, deadline: float) -> None:
        """Wait for the whole of a body up to 1 MiB, or the first part of a larger one.

        Raises as ``read`` does, and BodiesFull.
        """
        try:
            while not self._has_arrived and self._held_size < HELD_BYTES:
                piece = await self._receive_piece(deadline - monotonic())
                held_bodies.of_worker.take(self._address, len(piece))
                self._held += piece
                self._held_size += len(piece)
        except BaseException:
            self.let_go()
            raise

    def let_go(self) -> None:
        """Forget what was received and not read."""
        if self._held_size:
            held_bodies.of_worker.give_back(self._address, self._held_size)
        self._held_size = 0
        self._held.clear()

    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end; raises BodyTooLarge, RequestTimeout or ClientGone."""
        piece = bytes(self._held)
        self.let_go()
        while not piece and not self._has_arrived:
            piece = await self._receive_piece(PATIENCE_SECONDS)
        self.is_done = self._has_arrived
        return piece

    async def _receive_piece(self, most_seconds: float) -> bytes:
        began = monotonic()
        self.is_awaited = True
        earned = PATIENCE_SECONDS + self._size / LEAST_BYTES_A_SECOND - self.waited_seconds
        try:
            async with asyncio.timeout(min(earned, PATIENCE_SECONDS, most_seconds)):
                message = await self._receive()
        except TimeoutError as error:
            raise errors.RequestTimeout(headers={"Connection": "close"}) from error
        finally:
            self.is_awaited = False
        self.waited_seconds += monotonic() - began
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        self._has_arrived = not message.get("more_body", False)
        self._size += len(piece)
        if self._size > self._limit:
            raise errors.BodyTooLarge
        return piece


def body_of(
    headers: list[tuple[bytes, bytes]], receive: Receive, limit: int, address: str = ""
) -> RequestBody:
    """The body that ``headers`` announce; raises BodyTooLarge before a byte of it was read."""
    length: int | None = 0
    is_announced = False
    for name, value in headers:
        if name == b"transfer-encoding":
            if length is None or value.lower() != b"chunked":
                raise errors.UnknownCoding
            length, is_announced = None, True
        elif name == b"content-length" and length is not None:
            length, is_announced = int(value), True
    if not is_announced:
        return NO_BODY
    if length is not None and length > limit:
        raise errors.BodyTooLarge
    return RequestBody(receive, length, limit, address)


async def _receive_nothing() -> Message:
    return {"type": "http.request"}


NO_BODY = RequestBody(_receive_nothing, 0, 0)


def is_expected(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether ``headers`` announce a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )


def framing_lines(body: RequestBody) -> bytes:
    """How the body is framed towards the upstream: anew, and never twice (RFC 9112 section 6.3)."""
    if body is NO_BODY:
        return b""
    return (
        b"transfer-encoding: chunked\r\n" if body.length is None else b"content-length: %d\r\n" % body.length
    )

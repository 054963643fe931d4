"""One request under way to one replica, from the connection to the verdict on the replica."""

import asyncio
from time import monotonic

from gateway.request_body import RequestBody
from gateway.upstream import faults
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.framing import ResponseHead
from gateway.upstream.replicas import Replica, Service


class Attempt:
    """One request under way to one replica; ends exactly once, however it ends."""

    __slots__ = (
        "_is_over",
        "_is_probe",
        "_upload",
        "connection",
        "deadline",
        "read_seconds",
        "replica",
        "service",
    )

    def __init__(self, service: Service, replica: Replica, *, deadline: float, read_seconds: float) -> None:
        self.service = service
        self.replica = replica
        self.deadline = deadline
        self.read_seconds = read_seconds
        self.connection: UpstreamConnection
        self._upload: asyncio.Task[None] | None = None
        self._is_over = False
        service.outstanding += 1
        replica.outstanding += 1
        self._is_probe = replica.breaker.begin()

    @property
    def patience(self) -> float:
        """How long the next wait may take, in seconds."""
        left = self.deadline - monotonic()
        if left > self.read_seconds:
            return self.read_seconds
        return max(0.0, left)

    def is_clients_doing(self, body: RequestBody, began: float) -> bool:
        """Whether what went wrong by now comes of a client that is slow to send: no fault of the replica.

        A part of the body is still to come, or waiting for it took most of the time that the request had.
        """
        if self._upload is not None and body.is_awaited:
            return True
        now = monotonic()
        return self.deadline <= now and body.waited_seconds * 2 > now - began

    async def connect(self, timeout_seconds: float) -> None:
        """Make a connection; raises ConnectFault."""
        left = max(0.001, self.deadline - monotonic())
        self.connection = await self.replica.pool.connect(min(timeout_seconds, left))

    async def send(self, method: bytes, head: bytes, body: RequestBody) -> None:
        """Send a request with a body; what has not arrived of it is sent on while the answer is awaited."""
        connection = self.connection
        piece = await body.read()
        is_chunked = body.length is None
        connection.begin(method, head + _framed(piece, is_chunked=is_chunked, is_last=body.is_done))
        if not body.is_done:
            self._upload = asyncio.create_task(self._send_rest(body, is_chunked=is_chunked))

    async def _send_rest(self, body: RequestBody, *, is_chunked: bool) -> None:
        while not body.is_done:
            piece = await body.read()
            self.connection.write(_framed(piece, is_chunked=is_chunked, is_last=body.is_done))
            await self.connection.drain()

    async def head(self) -> ResponseHead:
        """The answer's head; raises UpstreamFault, or what went wrong with the client's body."""
        upload = self._upload
        if upload is None:
            return await self.connection.head(self.patience)
        answer = asyncio.ensure_future(self._head_during(upload))
        try:
            await asyncio.wait({answer, upload}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and not answer.done() and not upload.cancelled() and upload.exception():
                upload.result()
            return await answer
        finally:
            answer.cancel()

    async def _head_during(self, upload: asyncio.Task[None]) -> ResponseHead:
        """The upstream's time to answer begins when it has the whole request."""
        while not upload.done() and self.connection.incoming.head is None:
            try:
                return await self.connection.head(min(1.0, self.patience))
            except faults.ResponseTimeout:
                if self.deadline <= monotonic():
                    raise
                self.connection.forget_timeout()
        return await self.connection.head(self.patience)

    def answered(self, status: int) -> None:
        """The replica gave an answer."""
        self._is_probe = False
        self.replica.breaker.answer(status)

    def failed(self, fault: faults.UpstreamFault) -> None:
        """The replica gave none, or not all of it."""
        self._is_probe = False
        if isinstance(fault, faults.ConnectFault) and len(self.service.replicas) > 1:
            self.replica.breaker.fail_to_connect()
        else:
            self.replica.breaker.fail()

    def let_go(self) -> None:
        """End without the connection, which speaks another protocol now."""
        self._is_over = True
        self.service.outstanding -= 1
        self.replica.outstanding -= 1

    def end(self) -> None:
        """Give the connection back, or end it if the exchange on it is not complete."""
        if self._is_over:
            return
        self._is_over = True
        if self._is_probe:
            self.replica.breaker.abandon()
        self.service.outstanding -= 1
        self.replica.outstanding -= 1
        upload, self._upload = self._upload, None
        if upload is not None and (not upload.done() or upload.cancelled() or upload.exception()):
            upload.cancel()
            self.connection.abort()  # half a request is on it
        elif hasattr(self, "connection"):
            self.replica.pool.give_back(self.connection)


def _framed(piece: bytes, *, is_chunked: bool, is_last: bool) -> bytes:
    if not is_chunked:
        return piece
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
    return chunk + b"0\r\n\r\n" if is_last else chunk

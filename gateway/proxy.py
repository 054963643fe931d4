"""Forwarding: one exchange to one replica of its upstream, and the answer back, streamed both ways."""

import asyncio
import time
from time import monotonic

from gateway import errors, headers, measures
from gateway.asgi import ResponseBroken, StreamedResponse
from gateway.exchange import Exchange
from gateway.policies import IDEMPOTENT
from gateway.request_body import RequestBody, body_of, framing_lines
from gateway.upstream import faults
from gateway.upstream.connection import Connection
from gateway.upstream.framing import Head
from gateway.upstream.replicas import Full, Replica, Service
from shared.chassis.errors import ApiError
from shared.chassis.logs import get_logger

log = get_logger(__name__)

EMPTY_QUERY = "doorward.empty_query"
VIA = (b"via", b"1.1 doorward")


class Attempt:
    """One request under way to one replica; ends exactly once, however it ends."""

    __slots__ = ("_is_over", "_upload", "connection", "deadline", "read_seconds", "replica", "service")

    def __init__(self, service: Service, replica: Replica, *, deadline: float, read_seconds: float) -> None:
        self.service = service
        self.replica = replica
        self.deadline = deadline
        self.read_seconds = read_seconds
        self.connection: Connection
        self._upload: asyncio.Task[None] | None = None
        self._is_over = False
        service.outstanding += 1
        replica.outstanding += 1
        replica.breaker.begin()

    @property
    def patience(self) -> float:
        """How long the next wait may take, in seconds."""
        left = self.deadline - monotonic()
        return max(0.0, min(left, self.read_seconds))

    async def connect(self, timeout_seconds: float, *, is_fresh: bool) -> None:
        """Take a warm connection, or make one where ``is_fresh`` or none is there; raises ConnectFault."""
        pool = self.replica.pool
        warm = None if is_fresh else pool.take_idle()
        self.connection = warm or await pool.connect(
            min(timeout_seconds, max(0.001, self.deadline - monotonic()))
        )

    async def send(self, method: bytes, head: bytes, body: RequestBody) -> None:
        """Send the request. A body that has not arrived whole is sent on while the answer is awaited."""
        connection = self.connection
        if body.is_done:
            connection.begin(method, head)
            return
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

    async def head(self) -> Head:
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

    async def _head_during(self, upload: asyncio.Task[None]) -> Head:
        """The upstream's time to answer begins when it has the whole request."""
        while not upload.done() and not self.connection.has_head:
            try:
                return await self.connection.head(min(1.0, self.patience))
            except faults.ResponseTimeout:
                if self.deadline <= monotonic():
                    raise
                self.connection.forget_timeout()
        return await self.connection.head(self.patience)

    def end(self) -> None:
        """Give the connection back, or end it if the exchange on it is not complete."""
        if self._is_over:
            return
        self._is_over = True
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


class Relay:
    """The rest of an upstream's body, read when the client has taken what came before."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    async def read(self) -> bytes:
        """The next piece; a body that breaks off must not look complete."""
        try:
            return await self._attempt.connection.read(self._attempt.patience)
        except faults.UpstreamFault as fault:
            log.warning("upstream_broke_off", upstream=self._attempt.service.name, fault=fault.proxy_status)
            self._attempt.replica.breaker.fail()
            raise ResponseBroken from fault

    def close(self) -> None:
        """The client has it all, or has gone: either way the upstream owes nothing more."""
        self._attempt.end()


async def forward(exchange: Exchange, service: Service) -> StreamedResponse:
    """The upstream's answer to ``exchange``; raises the ApiError that says why there is none."""
    match = exchange.match
    assert match is not None  # noqa: S101  (only matched exchanges are forwarded)
    scope = exchange.scope
    route = match.route
    deadline = exchange.started_at + route.timeouts.total
    body = body_of(scope["headers"], exchange.receive, route.max_body_bytes)
    exchange.body = body
    method = scope["method"].encode()
    query = scope["query_string"]
    target = match.target(scope["raw_path"])
    lines = headers.request_lines(scope["headers"], issued=exchange.issued)
    lines.append(framing_lines(scope["headers"], body))
    lines.append(
        headers.forwarded_lines(
            exchange.trace,
            address=exchange.address,
            protocol=exchange.protocol,
            host=exchange.host,
            deadline=time.time() + deadline - monotonic(),
        )
    )
    mark = b"?" if query or scope.get(EMPTY_QUERY) else b""
    start = b"%b %b%b%b HTTP/1.1\r\nhost: " % (method, target, mark, query)
    rest = b"\r\n" + b"".join(lines) + b"\r\n"
    return await _try_replicas(
        exchange, service, body, deadline=deadline, method=method, start=start, rest=rest
    )


async def _try_replicas(
    exchange: Exchange,
    service: Service,
    body: RequestBody,
    *,
    deadline: float,
    method: bytes,
    start: bytes,
    rest: bytes,
) -> StreamedResponse:
    route = exchange.match.route  # type: ignore[union-attr]
    service.retry_budget.earn()
    tried: list[Replica] = []
    while True:
        attempt = _begin(exchange, service, tried, deadline)
        began = monotonic()
        try:
            await attempt.connect(route.timeouts.connect, is_fresh=bool(tried))
            await attempt.send(method, start + attempt.replica.authority + rest, body)
            head = await attempt.head()
        except faults.UpstreamFault as fault:
            attempt.end()
            attempt.replica.breaker.fail()
            exchange.upstream_seconds += monotonic() - began
            measures.UPSTREAM_FAULTS.labels(service.name, fault.proxy_status).inc()
            tried.append(attempt.replica)
            if not _may_retry(exchange, service, attempt, fault, tried=len(tried), body=body):
                raise _as_error(fault, service) from fault
            exchange.retries += 1
            measures.RETRIES.labels(service.name).inc()
        except BaseException:
            attempt.end()  # the client left, or its body was refused: not the upstream's doing
            raise
        else:
            exchange.upstream_seconds += monotonic() - began
            measures.time_upstream(service.name, exchange.upstream_seconds)
            return _answer(attempt, head)


def _begin(exchange: Exchange, service: Service, tried: list[Replica], deadline: float) -> Attempt:
    try:
        if service.refuses():
            raise errors.UpstreamUnavailable(headers=_status("destination_unavailable"))
        replica = service.choose(avoid=tried)
    except Full as error:
        raise errors.UpstreamUnavailable(headers=_status("connection_limit_reached")) from error
    except faults.UpstreamFault as fault:
        raise _as_error(fault, service) from fault
    exchange.upstream = service.name
    return Attempt(service, replica, deadline=deadline, read_seconds=exchange.match.route.timeouts.read)  # type: ignore[union-attr]


def _may_retry(
    exchange: Exchange,
    service: Service,
    attempt: Attempt,
    fault: faults.UpstreamFault,
    *,
    tried: int,
    body: RequestBody,
) -> bool:
    route = exchange.match.route  # type: ignore[union-attr]
    if tried > route.retries or fault.is_timeout or attempt.deadline <= monotonic():
        return False
    if fault.is_sent:
        is_repeatable = exchange.scope["method"] in IDEMPOTENT and body.length == 0
        if not is_repeatable or not isinstance(fault, faults.ConnectionEnded):
            return False
    return service.retry_budget.spend()


def _answer(attempt: Attempt, head: Head) -> StreamedResponse:
    connection = attempt.connection
    if head.status < 500:
        attempt.replica.breaker.succeed()
    passed = headers.response_fields(head.headers)
    passed.append(VIA)
    if not connection.is_done or connection.has_more_than_one_piece:
        return StreamedResponse(head.status, passed, b"", Relay(attempt))
    body = connection.take_piece()
    attempt.end()
    if body and head.length is None:
        passed.append((b"content-length", b"%d" % len(body)))
    return StreamedResponse(head.status, passed, body, None)


def _status(error: str) -> dict[str, str]:
    return {"Proxy-Status": f"doorward; error={error}"}


def _as_error(fault: faults.UpstreamFault, service: Service) -> ApiError:
    """The answer that tells the client which kind of failure it was (RFC 9209)."""
    log.warning("upstream_failed", upstream=service.name, fault=fault.proxy_status, cause=str(fault))
    status = _status(fault.proxy_status)
    if isinstance(fault, faults.ConnectTimeout) or fault.is_timeout:
        return errors.GatewayTimeout(headers=status)
    if isinstance(fault, faults.ConnectFault):
        return errors.UpstreamUnavailable(headers=status)
    return errors.BadGateway(headers=status)

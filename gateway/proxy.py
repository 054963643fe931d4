"""Forwarding: one exchange to one replica of its upstream, and the answer back, streamed both ways."""

from collections.abc import Awaitable
from logging import DEBUG, getLogger
from time import monotonic

from gateway import errors, headers, measures
from gateway.answer_body import AnswerBody
from gateway.attempt import Attempt
from gateway.exchange import Exchange
from gateway.messages import StreamedResponse
from gateway.policies.header_fields import CompiledRules, claim_fields
from gateway.request_body import RequestBody, framing_lines
from gateway.route import IDEMPOTENT
from gateway.routing import Match
from gateway.sockets.service_socket import opened_socket
from gateway.tries import Tries
from gateway.upstream import faults
from gateway.upstream.framing import ResponseHead
from gateway.upstream.replicas import Service
from shared.chassis.errors import ApiError
from shared.chassis.logs import get_logger
from shared.serving.messages import EMPTY_QUERY

log = get_logger(__name__)
is_debugged = getLogger(__name__).isEnabledFor


class Outgoing:
    """What a replica is sent, but for what is its own: its authority, and the deadline by its clock."""

    __slots__ = ("_lines", "_start", "body", "deadline", "is_handshake", "method")

    def __init__(self, exchange: Exchange, match: Match, body: RequestBody, deadline: float) -> None:
        scope = exchange.scope
        self.method: bytes = scope["method"].encode()
        self.body = body
        self.deadline = deadline  # on the monotonic clock
        self.is_handshake = exchange.opening is not None  # of a WebSocket
        query: bytes = scope["query_string"]
        mark = b"?" if query or scope.get(EMPTY_QUERY) else b""
        target = match.target(scope["raw_path"])
        # Pieces of the request line, and the beginning of the next; and pieces of those that follow.
        self._start = [self.method, b" ", target, mark, query, b" HTTP/1.1\r\nhost: "]
        self._lines = _lines(exchange, match, body)

    def head(self, authority: bytes, last: bytes) -> bytes:
        """The head for the replica of this authority, with ``last`` as its last line."""
        return b"".join([*self._start, authority, b"\r\n", *self._lines, last, b"\r\n"])


def forward(exchange: Exchange, service: Service) -> Awaitable[StreamedResponse]:
    """The upstream's answer to ``exchange``; raises the ApiError that says why there is none."""
    match, body = exchange.match, exchange.body
    assert match is not None and body is not None  # noqa: S101, PT018  (its policies have let it pass)
    deadline = exchange.started_at + match.route.timeouts.total
    if body.is_done:
        return _try_replicas(exchange, service, Outgoing(exchange, match, body, deadline))
    return _hold_and_forward(exchange, service, match, body, deadline)


async def _hold_and_forward(
    exchange: Exchange, service: Service, match: Match, body: RequestBody, deadline: float
) -> StreamedResponse:
    try:
        await body.hold(deadline)
        exchange.held_seconds = body.waited_seconds
        return await _try_replicas(exchange, service, Outgoing(exchange, match, body, deadline))
    finally:
        body.let_go()


def _lines(exchange: Exchange, match: Match, body: RequestBody) -> list[bytes]:
    lines = _passed_on(exchange, match)
    lines.append(framing_lines(body))
    lines.append(
        headers.forwarded_lines(
            exchange.trace,
            address=exchange.address,
            protocol=exchange.protocol,
            host=exchange.host,
        )
    )
    if exchange.opening is not None:
        lines.append(exchange.opening.request_lines())
    return lines


def _passed_on(exchange: Exchange, match: Match) -> list[bytes]:
    """The lines of the client's fields, and those that the route adds."""
    fields, rules = exchange.scope["headers"], match.fields.request
    if is_debugged(DEBUG) and (names := headers.left_out(fields, rules)):
        log.debug("request_fields_left_out", route=match.route.name, names=names)
    lines = headers.request_lines(fields, issued=exchange.issued, trace=exchange.trace, rules=rules)
    if rules is not None:
        lines += [b"%b: %b\r\n" % pair for pair in _written(exchange, match, rules)]
    return lines


def _written(exchange: Exchange, match: Match, rules: CompiledRules) -> headers.Pairs:
    if exchange.identity is None:
        return rules.written
    return rules.written + claim_fields(match.route.claims, exchange.identity.caller.claims)


async def _try_replicas(exchange: Exchange, service: Service, outgoing: Outgoing) -> StreamedResponse:
    route = exchange.match.route  # type: ignore[union-attr]
    tries = Tries(
        service,
        deadline=outgoing.deadline,
        read_seconds=route.timeouts.read,
        most=route.retries,
        is_repeatable=exchange.scope["method"] in IDEMPOTENT and outgoing.body.length == 0,
    )
    while True:
        attempt = _begin(exchange, service, tries)
        began = monotonic()
        try:
            if not tries.take_warm_connection(attempt):
                await attempt.connect(route.timeouts.connect)
            head = await _ask(attempt, outgoing)
            opened = opened_socket(attempt, head, exchange) if head.status == 101 else None
        except faults.UpstreamFault as fault:
            exchange.upstream_seconds += monotonic() - began
            _judge(fault, attempt, outgoing.body, exchange)
            if not tries.may_go_on(attempt, fault):
                raise _as_error(fault, service) from fault
            exchange.retries += 1
        except BaseException:
            attempt.end()  # the client left, or its body was refused: not the upstream's doing
            raise
        else:
            exchange.upstream_seconds += monotonic() - began
            measures.time_upstream(service.name, exchange.upstream_seconds)
            return opened or _answer(attempt, head, exchange.match.fields.response)  # type: ignore[union-attr]


def _begin(exchange: Exchange, service: Service, tries: Tries) -> Attempt:
    try:
        attempt = tries.begin()
    except faults.UpstreamFault as fault:
        raise _as_error(fault, service) from fault
    exchange.upstream = service.name
    return attempt


def _ask(attempt: Attempt, outgoing: Outgoing) -> Awaitable[ResponseHead]:
    replica = attempt.replica
    if outgoing.is_handshake:
        # Without a deadline: it would not be that of the request alone, but of the socket.
        attempt.connection.begin(outgoing.method, outgoing.head(replica.authority, b""), may_switch=True)
        return attempt.connection.head(attempt.patience)
    deadline = headers.deadline_line(outgoing.deadline - monotonic(), replica.clock_ahead)
    request_head = outgoing.head(replica.authority, deadline)
    if outgoing.body.is_done:
        attempt.connection.begin(outgoing.method, request_head)
        return attempt.connection.head(attempt.patience)
    return _ask_with_body(attempt, outgoing, request_head)


async def _ask_with_body(attempt: Attempt, outgoing: Outgoing, request_head: bytes) -> ResponseHead:
    await attempt.send(outgoing.method, request_head, outgoing.body)
    return await attempt.head()


def _judge(fault: faults.UpstreamFault, attempt: Attempt, body: RequestBody, exchange: Exchange) -> None:
    """End the attempt; raises RequestTimeout where the client took the time."""
    is_clients = attempt.is_clients_doing(body, exchange.started_at)
    if not is_clients:
        attempt.failed(fault)
        measures.UPSTREAM_FAULTS.labels(attempt.service.name, fault.proxy_status).inc()
    attempt.end()
    if is_clients and fault.is_timeout:
        raise errors.RequestTimeout(headers={"Connection": "close"}) from fault


def _answer(attempt: Attempt, head: ResponseHead, rules: CompiledRules | None) -> StreamedResponse:
    incoming = attempt.connection.incoming
    attempt.answered(head.status)
    passed = headers.response_fields(head.headers, rules)
    passed.append(headers.VIA)
    if not incoming.is_done or len(incoming.pieces) > 1:
        return StreamedResponse(head.status, passed, b"", AnswerBody(attempt))
    body = incoming.next_piece()
    attempt.end()
    if body and head.length is None:
        passed.append((b"content-length", b"%d" % len(body)))
    return StreamedResponse(head.status, passed, body, None)


def _as_error(fault: faults.UpstreamFault, service: Service) -> ApiError:
    """The answer that tells the client which kind of failure it was (RFC 9209)."""
    if not isinstance(fault, faults.Full | faults.AllOpen):
        log.warning("upstream_failed", upstream=service.name, fault=fault.proxy_status, cause=str(fault))
    status = {"Proxy-Status": f"doorward; error={fault.proxy_status}"}
    if isinstance(fault, faults.ConnectTimeout) or fault.is_timeout:
        return errors.GatewayTimeout(headers=status)
    if isinstance(fault, faults.ConnectFault) and not isinstance(fault, faults.TlsFault):
        return errors.UpstreamUnavailable(headers=status)
    return errors.BadGateway(headers=status)

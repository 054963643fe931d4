"""The way of a request: its policies, the service, its policies again, and the account of it."""

from collections.abc import Awaitable
from time import monotonic
from typing import Any

from gateway import fan_out, measures, proxy
from gateway.access_log import AccessLog
from gateway.exchange import Exchange
from gateway.limits.limiter import key_of
from gateway.messages import Answer, RawHeaders, StreamedResponse
from gateway.open_streams import OpenStreams
from gateway.policies.order import Acting
from gateway.request_body import is_expected
from gateway.resources import Resources
from gateway.routing import UNMATCHED, Match, Table
from gateway.sockets.relay import SocketRelay
from gateway.upstream.replicas import Service
from shared.chassis.access_tokens import TokenRevoked

CLIENT_GONE = 499  # nginx's number for it; never on the wire


class Pipeline:
    """The table at work on one worker."""

    def __init__(
        self,
        table: Table,
        services: dict[str, Service],
        *,
        resources: Resources,
        open_streams: OpenStreams,
        access_log: AccessLog,
    ) -> None:
        self.services = services
        self.resources = resources
        self.table = table
        self._access_log = access_log
        self._open_streams = open_streams

    async def answer(self, exchange: Exchange) -> Answer:
        """The answer to ``exchange``; raises the ApiError that refuses it."""
        exchange.resources = self.resources
        for check in self._acting_on(exchange).checks:
            answer = check(exchange)
            if answer is None:
                continue
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer is not None:
                return answer
        match = exchange.match
        assert match is not None  # noqa: S101  (the policies of unmatched requests let none pass)
        if match.route.parts:
            return await fan_out.gather(exchange, self.services)
        if exchange.opening is not None:
            return await self._open_socket(exchange, match)
        response = await proxy.forward(exchange, self.services[match.route.upstream])
        # What changes something is answered to its end: it may be the revocation itself.
        if response.source is not None and exchange.caller is not None and exchange.scope["method"] == "GET":
            self._open_streams.watch(response, exchange.caller)
        return response

    def _acting_on(self, exchange: Exchange) -> Acting:
        return self.table.unmatched if exchange.match is None else exchange.match.acting

    async def _open_socket(self, exchange: Exchange, match: Match) -> Answer:
        """The answer to a handshake, counted for its caller until ``record`` is called."""
        caller = key_of(exchange, "caller")
        self.resources.callers.take(caller)
        exchange.socket_of = caller
        response = await proxy.forward(exchange, self.services[match.route.upstream])
        relay, identity = response.source, exchange.identity
        if isinstance(relay, SocketRelay) and identity is not None:
            try:
                relay.watched = self._open_streams.watch_socket(relay.cut, identity.caller)
            except TokenRevoked:
                relay.close()
                raise
            relay.expire_at(identity.expires_at)
        return response

    def finish(self, exchange: Exchange, answer: Answer) -> None:
        """Add to ``answer`` what the policies say about it."""
        elsewhere = exchange.upstream_seconds + exchange.held_seconds
        exchange.overhead_seconds = monotonic() - exchange.started_at - elsewhere
        exchange.answer = answer
        fields = self._fields(exchange)
        if isinstance(answer, StreamedResponse):
            answer.add_fields(fields)
            return
        for key, value in fields:
            if key != b"vary" or "origin" not in answer.headers.get("Vary", "").lower():
                answer.headers.add(key.decode(), value.decode("latin-1"))

    def _fields(self, exchange: Exchange) -> RawHeaders:
        fields: RawHeaders = [(b"x-request-id", exchange.trace.request_id.encode())]
        for finish in self._acting_on(exchange).finishes:
            finish(exchange, fields)
        if _has_body_left(exchange) or exchange.asks_for_socket:
            # What is left of the body, or is of another protocol, would be taken for the next request.
            fields.append((b"connection", b"close"))
        return fields

    def record(self, exchange: Exchange, status: int) -> None:
        """Count the exchange and write its line, once its answer is out; status 499: the client left."""
        if exchange.socket_of is not None:
            self.resources.callers.give_back(exchange.socket_of)
        match = exchange.match
        route = match.route.name if match else UNMATCHED
        seconds = monotonic() - exchange.started_at
        method = exchange.scope["method"]
        if exchange.relay is None:  # whose handshake is counted already
            measures.count_request(method, route, status, seconds)
        if status == CLIENT_GONE:
            measures.CLIENTS_GONE.labels(route).inc()
        if not self._access_log.is_enabled:
            return
        caller = exchange.caller
        self._access_log.write(
            {
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
                "overhead_ms": round(exchange.overhead_seconds * 1000, 2),
                "limiter_ms": round(exchange.limiter_seconds * 1000, 2),
                "upstream": exchange.upstream,
                "upstream_ms": round(exchange.upstream_seconds * 1000, 2) if exchange.upstream else None,
                "retries": exchange.retries,
                "client": exchange.address,
                "account_id": str(caller.account_id) if caller else None,
                "request_id": exchange.trace.request_id,
                "trace_id": exchange.trace.trace_id,
                **(_line_of(exchange.relay) if exchange.relay is not None else {}),
            },
            path=exchange.scope["path"],
        )


def _line_of(relay: SocketRelay) -> dict[str, Any]:
    """What the access line says of a socket that is over."""
    status = relay.close_status
    return {
        "messages_in": relay.from_client,
        "messages_out": relay.from_service,
        "close_code": int(status.code) if status else None,
        "closed_by": status.by if status else None,
        "close_reason": status.reason if status and status.by == "gateway" else None,
    }


def _has_body_left(exchange: Exchange) -> bool:
    body = exchange.body
    return not body.is_done if body is not None else is_expected(exchange.scope["headers"])

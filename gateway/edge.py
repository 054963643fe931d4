"""The gateway's Flask app: what the route table takes goes the way of ``edge_policies``, the rest is Flask's.

A request is routed by its raw target before anything else happens; what a hook or a view then sees as
``request.url_rule`` is the route's prefix.
"""

from functools import lru_cache
from inspect import iscoroutine
from os import urandom
from typing import Any

from flask import Response
from flask.ctx import RequestContext
from uuid_utils import uuid7
from werkzeug.exceptions import NotFound

from gateway import errors, single_fields, targets
from gateway.asgi import AsgiFlask
from gateway.client_address import client_of
from gateway.exchange import EdgeContext, Exchange
from gateway.messages import RawHeaders, Receive, Scope, Send
from gateway.pipeline import CLIENT_GONE, Pipeline
from gateway.readiness import Drain
from shared.chassis import tracing
from shared.chassis.errors import ApiError, from_http_exception

METRICS_PATHS = frozenset({"/metrics", "/livez", "/readyz"})
# Asked for by whoever runs this process, at an address that no setting names (a pod's). They tell no secrets.
HEALTH_PATHS = frozenset({b"/livez", b"/readyz", b"/healthz"})


class GatewayFlask(AsgiFlask):
    """Flask, with the table's requests forwarded."""

    pipeline: Pipeline
    hosts: frozenset[str] = frozenset()
    trusted_proxies = 0
    metrics_port = 0
    drain_seconds = 0.0
    drain: Drain
    _own_hooks = (0, 0, 0)

    def take_over_hooks(self) -> None:
        """Leave the hooks so far to the gateway's own pages; those registered later run on every request.

        The chassis' hooks name, count and time a request: the edge does that itself, and cheaper. Those of
        the console are about cookies and forms, which forwarded requests are not judged by.
        """
        registered = (self.before_request_funcs, self.after_request_funcs, self.teardown_request_funcs)
        before, after, teardown = (len(funcs.get(None, ())) for funcs in registered)
        self._own_hooks = (before, after, teardown)

    def async_context(self, scope: Scope, receive: Receive) -> RequestContext:
        """An ``EdgeContext`` for what the table takes or the gateway refuses, Flask's own otherwise."""
        server = scope.get("server")
        if server and server[1] == self.metrics_port:
            return self._internal_context(scope, receive)
        exchange = self._exchange(scope, receive)
        try:
            self._route(exchange)
        except ApiError as refusal:
            exchange.refusal = refusal
        if exchange.match is not None or exchange.refusal is not None:
            return self._edge_context(exchange)
        context = super().async_context(scope, receive)
        if context.request.path == "/metrics":
            context.request.routing_exception = NotFound()  # on the internal port alone
            context.request.url_rule = None
        if context.request.url_rule is None:
            exchange.refusal = _from_routing(context)
            return self._edge_context(exchange)
        environ = context.request.environ
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = exchange.address, exchange.protocol
        return context

    def begin_drain(self) -> None:
        """Say in ``/readyz`` that this worker is about to stop; requests are still answered."""
        self.drain.has_begun = True

    def _edge_context(self, exchange: Exchange) -> EdgeContext:
        context = EdgeContext(self, exchange)
        context.has_teardowns = len(self.teardown_request_funcs.get(None, ())) > self._own_hooks[2]
        return context

    def _internal_context(self, scope: Scope, receive: Receive) -> RequestContext:
        context = super().async_context(scope, receive)
        if context.request.path not in METRICS_PATHS:
            context.request.routing_exception = NotFound()
            context.request.url_rule = None
        return context

    def _exchange(self, scope: Scope, receive: Receive) -> Exchange:
        fields = scope["headers"]
        found = dict(fields)
        peer = scope.get("client") or ("", 0)
        client = client_of(fields, peer[0], scope["scheme"], trusted_proxies=self.trusted_proxies)
        origin = found.get(b"origin")
        return Exchange(
            scope,
            receive,
            _trace_of(found),
            host=_host_of(found.get(b"host", b"")),
            address=client.address,
            protocol=client.protocol,
            origin=None if origin is None else origin.decode("latin-1"),
            authorization=found.get(b"authorization"),
            api_key=found.get(b"x-api-key"),
            upgrade=_all_of(b"upgrade", fields) if b"upgrade" in found else None,
            doubled=None if len(found) == len(fields) else single_fields.find_doubled(fields),
            has_cookies=b"cookie" in found,
            fetch_site=found.get(b"sec-fetch-site"),
            delivery=found.get(b"token-delivery"),
        )

    def _route(self, exchange: Exchange) -> None:
        scope = exchange.scope
        if exchange.doubled is not None:
            raise errors.FieldRepeated(field=exchange.doubled.decode("latin-1"))
        if exchange.upgrade is not None and is_websocket(scope["http_version"], exchange.upgrade):
            # What follows may be in the other protocol already: it must not be read as a request.
            raise errors.UpgradeNotSupported(headers={"Connection": "close"})
        targets.check(scope["raw_path"], scope["query_string"])
        host = _without_port(exchange.host)
        if host not in self.hosts:
            if scope["raw_path"] in HEALTH_PATHS:
                return
            raise errors.HostNotAllowed
        table = self.pipeline.table
        exchange.match = table.find(host, scope["method"], scope["raw_path"])
        if exchange.match is None and (methods := table.methods_at(host, scope["raw_path"])):
            raise errors.MethodNotAllowed(headers={"Allow": ", ".join(sorted(methods))})

    def may_block(self, context: RequestContext) -> bool:
        """Nothing that is forwarded blocks."""
        return not isinstance(context, EdgeContext) and super().may_block(context)

    async def answer(self, context: RequestContext) -> Any:
        """Forward what the table takes; let Flask answer the rest."""
        if isinstance(context, EdgeContext):
            return await self.pipeline.answer(context.exchange)
        return await super().answer(context)

    async def preprocess(self, context: RequestContext) -> Any:
        """The before_request hooks; for forwarded requests without our own."""
        if not isinstance(context, EdgeContext):
            return await super().preprocess(context)
        hooks = self.before_request_funcs.get(None, ())
        for before in hooks[self._own_hooks[0] :]:
            answer: Any = before()
            if iscoroutine(answer):
                answer = await answer
            if answer is not None:
                return answer
        return None

    async def process(self, context: RequestContext, response: Response) -> Response:
        """The after_request hooks, and what the policies add to every answer, errors included."""
        if not isinstance(context, EdgeContext):
            return await super().process(context, response)
        hooks = self.after_request_funcs.get(None, ())
        for after in (*context._after_request_functions, *reversed(hooks[self._own_hooks[1] :])):
            processed: Any = after(response)
            response = await processed if iscoroutine(processed) else processed
        self.pipeline.finish(context.exchange, response)
        return response

    async def send_response(self, context: RequestContext, response: Response, send: Send) -> None:
        """Write the answer, then account for it."""
        if not isinstance(context, EdgeContext):
            await super().send_response(context, response, send)
            return
        status = CLIENT_GONE
        try:
            await super().send_response(context, response, send)
            status = response.status_code
        finally:
            self.pipeline.record(context.exchange, status)

    def client_left(self, context: RequestContext) -> None:
        """Account for a client that did not wait for its answer."""
        if isinstance(context, EdgeContext):
            self.pipeline.record(context.exchange, CLIENT_GONE)


def _all_of(name: bytes, fields: RawHeaders) -> bytes:
    return b",".join(value for key, value in fields if key == name)


def is_websocket(http_version: str, upgrade: bytes) -> bool:
    """Whether the client wants to speak WebSocket; HTTP/1.0 has no such field (RFC 9110 section 7.8).

    Any other protocol is an offer, which a server may ignore: those who make it (h2c by Java's client and
    curl, TLS/1.2 by Apache's) go on in HTTP/1.1 just as well.
    """
    offers = (offer.strip().lower().partition(b"/")[0] for offer in upgrade.split(b","))
    return http_version != "1.0" and b"websocket" in offers


def _trace_of(found: dict[bytes, bytes]) -> tracing.Trace:
    request_id, traceparent = found.get(b"x-request-id"), found.get(b"traceparent")
    if request_id is None and traceparent is None:
        return _new_trace()
    return tracing.continue_from(
        request_id.decode("latin-1") if request_id else None,
        traceparent.decode("latin-1") if traceparent else None,
    )


def _new_trace() -> tracing.Trace:
    """As ``continue_from`` without anything to continue, at less cost."""
    digits = _random_digits()
    return tracing.Trace(str(uuid7()), f"00-{digits[:32]}-{digits[32:]}-01")


TRACES_AT_ONCE = 128
_digits: list[str] = []


def _random_digits() -> str:
    """48 hexadecimal digits; the system is asked for those of many requests at once."""
    if not _digits:
        text = urandom(24 * TRACES_AT_ONCE).hex()
        _digits.extend(text[start : start + 48] for start in range(0, len(text), 48))
    return _digits.pop()


@lru_cache(maxsize=1024)
def _host_of(value: bytes) -> str:
    return value.decode("latin-1").lower()


@lru_cache(maxsize=1024)
def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _from_routing(context: RequestContext) -> ApiError:
    return from_http_exception(context.request.routing_exception or NotFound())

"""The gateway's edge: what the route table takes goes the way of the pipeline, the rest is its own pages.

A request is routed by its raw target before anything else happens.
"""

from collections.abc import Awaitable, Callable

from flask import Response
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from gateway import errors
from gateway.arrival import exchange_of
from gateway.error_pages import ErrorPages
from gateway.exchange import Exchange
from gateway.hooks import Hooks
from gateway.messages import (
    Answer,
    ClientGone,
    Receive,
    ResponseBroken,
    Scope,
    Send,
    let_go,
    send_answer,
    send_at_once,
)
from gateway.near_misses import hinted
from gateway.own_pages import HEALTH_PATHS, METRICS_PATH, OwnPages
from gateway.pipeline import CLIENT_GONE, Pipeline
from gateway.route_search import route_of, route_of_socket
from gateway.settings import GatewaySettings
from gateway.sockets.answering import answer_socket
from gateway.sockets.opening import opening_of
from shared.chassis import tracing
from shared.chassis.errors import ApiError, NotFound, Unavailable, from_http_exception, problem_response
from shared.chassis.logs import get_logger
from shared.serving.messages import ClientTooSlow

log = get_logger(__name__)

Way = Callable[[Exchange, Send], Awaitable[None]]

ALL_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


class Edge:
    """What becomes of a request."""

    def __init__(
        self,
        settings: GatewaySettings,
        pipeline: Pipeline,
        pages: OwnPages,
        hooks: Hooks,
        *,
        error_pages: ErrorPages,
    ) -> None:
        self.pipeline = pipeline
        self.serving_options = settings.serving_options
        self._pages = pages
        self._hooks = hooks
        self._error_pages = error_pages
        self._hosts = settings.hosts
        self._trusted_proxies = settings.trusted_proxy_count
        self._metrics_port = settings.metrics_port

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket."""
        if scope["type"] == "websocket":
            await receive()  # ASGI: websocket.connect
            is_secure = scope["scheme"] == "wss"
            scope = {**scope, "method": "GET", "scheme": "https" if is_secure else "http"}
        exchange = exchange_of(scope, receive, trusted_proxies=self._trusted_proxies)
        tracing.adopt(exchange.trace)
        try:
            await self._way_of(exchange)(exchange, send)
        except (ClientGone, ClientTooSlow, ResponseBroken):
            return  # the server ends the connection, since the response is not complete

    def _way_of(self, exchange: Exchange) -> Way:
        """Whatever answers the request."""
        scope = exchange.scope
        if exchange.asks_for_socket:
            return self._serve_socket
        if self._is_internal(exchange):
            return self._serve_internally
        if scope["raw_path"] == b"*":
            return _answer_for_all
        try:
            exchange.match = route_of(exchange, self.pipeline.table, self._hosts)
        except ApiError as refusal:
            exchange.refusal = refusal
        if exchange.match is None and exchange.refusal is None:
            unknown = self._pages.refusal(scope["path"], scope["method"])
            exchange.refusal = hinted(unknown, exchange, self.pipeline.table)
            if exchange.refusal is None:
                return self._pages.serve
        return self._forward

    async def _serve_socket(self, exchange: Exchange, send: Send) -> None:
        """Let the client speak WebSocket where a route allows it.

        The connection ends with every other answer: what follows may be in the other protocol already, and
        must not be read as a request.
        """
        try:
            if self._is_internal(exchange):
                raise errors.UpgradeNotSupported
            exchange.match = route_of_socket(exchange, self.pipeline.table, self._hosts)
            if exchange.scope["type"] == "websocket":
                exchange.opening, exchange.scope["headers"] = opening_of(exchange.scope["headers"])
        except ApiError as refusal:
            exchange.match, exchange.refusal = None, refusal
        await self._forward(exchange, send)

    def _is_internal(self, exchange: Exchange) -> bool:
        server = exchange.scope.get("server") or ("", 0)
        return bool(server[1] == self._metrics_port)

    async def _serve_internally(self, exchange: Exchange, send: Send) -> None:
        path = exchange.scope["path"]
        if path in HEALTH_PATHS:
            await self._pages.serve_health(exchange, send)
        elif path == METRICS_PATH:
            await self._pages.serve_view(exchange, send)
        else:
            await send_answer(problem_response(NotFound()), send)

    async def _forward(self, exchange: Exchange, send: Send) -> None:
        """Have the pipeline answer, then account for it."""
        status = CLIENT_GONE
        try:
            try:
                answer = await self._answer(exchange)
            except ClientGone:
                raise
            except Exception as error:
                answer = _problem(exchange, error)
            if answer.status_code >= 400:
                answer = self._as_page(exchange, answer)
            answer = self._finished(exchange, answer)
            if exchange.scope["type"] == "websocket":
                status = answer.status_code
                await answer_socket(exchange, answer, send)
            else:
                if not send_at_once(answer, send):
                    await send_answer(answer, send)
                status = answer.status_code
        finally:
            self.pipeline.record(exchange, status)

    def _finished(self, exchange: Exchange, answer: Answer) -> Answer:
        """``answer`` with what policies add; a 500 where one of a team's own fails at it."""
        try:
            self.pipeline.finish(exchange, answer)
        except Exception as error:
            let_go(answer)
            answer = exchange.answer = _problem(exchange, error)
            answer.headers["Connection"] = "close"  # what is left of the body is not the next request
        return answer

    def _answer(self, exchange: Exchange) -> Awaitable[Answer]:
        if self._hooks.are_there:
            return self._hooks.around(exchange, self.pipeline.answer)
        return self.pipeline.answer(exchange)

    def _as_page(self, exchange: Exchange, answer: Answer) -> Answer:
        scope = exchange.scope
        return self._error_pages.instead_of(answer, scope["path"], scope["headers"])


def _problem(exchange: Exchange, error: Exception) -> Response:
    """What Flask's error handlers would answer (``shared.chassis.errors``)."""
    if isinstance(error, HTTPException):
        error = from_http_exception(error)
    elif isinstance(error, RedisError):
        error, cause = Unavailable(), error
        error.__cause__ = cause
    path = exchange.scope["path"]
    if not isinstance(error, ApiError):
        log.error("unexpected_error", path=path, exc_info=error)
        error = ApiError()
    elif error.status >= 500 and error.is_logged:
        log.warning("request_failed", error_code=error.code, path=path, cause=repr(error.__cause__))
    return problem_response(error)


async def _answer_for_all(_exchange: Exchange, send: Send) -> None:
    """``OPTIONS *`` asks of the server as a whole whether it is there (RFC 9110 section 9.3.7)."""
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", ALL_METHODS)]})
    await send({"type": "http.response.body"})

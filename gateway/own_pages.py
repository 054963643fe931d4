"""What the gateway answers itself: Flask's views, in threads by its WSGI door, and health, on the loop."""

from time import monotonic
from typing import Any

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from gateway import held_bodies, measures, request_body
from gateway.access_log import AccessLog
from gateway.error_pages import ErrorPages
from gateway.exchange import Exchange
from gateway.messages import ClientGone, Message, send_answer
from shared.chassis.errors import ApiError, NotFound, from_http_exception, problem_response
from shared.chassis.health import Check, Checks, NotReady
from shared.serving.messages import Send
from shared.serving.wsgi import WsgiApp
from shared.serving.wsgi_body import ClientLeft

THREADS = 16
BODY_SECONDS = 60.0  # a form is here by then
HEALTH_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
METRICS_PATH = "/metrics"
CLIENT_GONE = 499


class OwnPages:
    """The pages of one worker."""

    def __init__(
        self,
        app: Flask,
        checks: dict[str, Check],
        optional: dict[str, Check],
        access_log: AccessLog,
        *,
        error_pages: ErrorPages,
    ) -> None:
        self._urls = app.url_map
        self._checks, self._optional = Checks(checks), Checks(optional)
        self._access_log = access_log
        self._error_pages = error_pages
        self._most_body = app.config["MAX_CONTENT_LENGTH"]
        self._views = WsgiApp(app.wsgi_app, threads=THREADS)

    def refusal(self, path: str, method: str) -> ApiError | None:
        """Why there is no page; None where there is one. ``/metrics`` is on its own port alone."""
        if path == METRICS_PATH:
            return NotFound()
        try:
            self._urls.bind("gateway").match(path, method)
        except RequestRedirect:
            return None
        except HTTPException as error:
            return from_http_exception(error)
        return None

    async def serve(self, exchange: Exchange, send: Send) -> None:
        """Answer by the page, and write its line."""
        if exchange.scope["path"] in HEALTH_PATHS:
            await self.serve_health(exchange, send)
            return
        status = CLIENT_GONE
        try:
            status = await self.serve_view(exchange, send)
        except ClientLeft as error:
            raise ClientGone from error
        finally:
            self._write_line(exchange, status)

    async def serve_view(self, exchange: Exchange, send: Send) -> int:
        """Answer by Flask, which knows the trace and the client as the edge does; the status."""
        trace = exchange.trace
        extra: dict[str, Any] = {
            "REMOTE_ADDR": exchange.address,
            "wsgi.url_scheme": exchange.protocol,
            "HTTP_X_REQUEST_ID": trace.request_id,
            "HTTP_TRACEPARENT": trace.traceparent,
        }
        try:
            body = await self._whole_body(exchange)
            held_bodies.of_worker.take(exchange.address, len(body))  # until the page has answered
        except ApiError as refusal:
            return await self._refuse(exchange, refusal, send)
        message: Message = {"type": "http.request", "body": body}

        async def receive() -> Message:
            return message

        try:
            return await self._views(exchange.scope, receive, send, extra=extra)
        finally:
            held_bodies.of_worker.give_back(exchange.address, len(body))

    async def _whole_body(self, exchange: Exchange) -> bytes:
        """The body, awaited and held as those of forwarded requests are; raises their errors."""
        headers, address = exchange.scope["headers"], exchange.address
        body = request_body.body_of(headers, exchange.receive, self._most_body, address)
        await body.hold(exchange.started_at + BODY_SECONDS)
        pieces = [await body.read()]
        while not body.is_done:
            pieces.append(await body.read())
        return b"".join(pieces)

    async def _refuse(self, exchange: Exchange, refusal: ApiError, send: Send) -> int:
        scope = exchange.scope
        problem = problem_response(refusal)
        response = self._error_pages.instead_of(problem, scope["path"], scope["headers"])
        response.headers["Connection"] = "close"  # what is left of the body is not the next request
        await send_answer(response, send)
        return response.status_code

    async def serve_health(self, exchange: Exchange, send: Send) -> None:
        """Answer without a thread: a probe must not wait for what pages wait for."""
        path = exchange.scope["path"]
        response = _json({"status": "pass"}) if path == "/livez" else self._readiness()
        await send_answer(response, send)
        seconds = monotonic() - exchange.started_at
        measures.count_request(exchange.scope["method"], path, response.status_code, seconds)

    def _readiness(self) -> Response:
        """As the chassis' page, which asks in a thread."""
        results, others = self._checks.run(), self._optional.run()
        members: dict[str, Any] = {"checks": results, **({"optional": others} if others else {})}
        if "fail" in results.values():
            return problem_response(NotReady(**members))
        return _json({"status": "pass", **members})

    def _write_line(self, exchange: Exchange, status: int) -> None:
        if not self._access_log.is_enabled:
            return
        fields = {
            "method": exchange.scope["method"],
            "route": "own",
            "status": status,
            "duration_ms": round((monotonic() - exchange.started_at) * 1000, 2),
            "client": exchange.address,
            "request_id": exchange.trace.request_id,
            "trace_id": exchange.trace.trace_id,
        }
        self._access_log.write(fields, path=exchange.scope["path"])


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), content_type="application/json")

"""gunicorn's ASGI worker with what an edge needs beside: late heads cut off, errors in our shape, a drain.

Set by ``--worker-class gateway.server.GatewayWorker``.
"""

import asyncio
import gc
from http import HTTPStatus
from typing import Any

import orjson
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from gateway import route_source
from gateway.proxy import EMPTY_QUERY
from shared.chassis.errors import FRAMEWORK_CODES, PROBLEM_TYPE
from shared.chassis.ids import new_id

HEAD_SECONDS = 10.0
LINGER_SECONDS = 1.0
# How long the last of an answer may take to be read once the connection is to end.
FLUSH_SECONDS = 30.0
IDLE_BEFORE_CLOSE_SECONDS = 1.0
# Objects that survive their request are few, so the collector may look for cycles more rarely.
GC_THRESHOLDS = (20_000, 50, 100)


class GatewayProtocol(ASGIProtocol):
    """One client connection."""

    _head_timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    _has_said_close = False
    _is_lingering = False
    _closed: bool

    def connection_made(self, transport: Any) -> None:
        """A client has connected; its first head may take so long and no longer."""
        super().connection_made(transport)
        self.worker.connections.add(self)
        self._idle_since = self.worker.loop.time()
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Bytes came; if they do not complete a head, the rest has to come in time (slowloris)."""
        if self._is_lingering:
            return
        super().data_received(data)
        if self._current_request is None and self._head_timer is None and not self._closed:
            self._expect_head()

    def _build_http_scope(self, request: Any, sockname: Any, peername: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(request, sockname, peername)
        # ASGI cannot tell ``/x?`` from ``/x``, and a service may.
        scope[EMPTY_QUERY] = not request.query and request.uri.endswith("?")
        return scope

    def _is_websocket_upgrade(self, request: Any) -> bool:
        """A WebSocket handshake is a request like others: counted, logged, and refused by the edge."""
        return False

    async def _serve_http_request(self, request: Any, sockname: Any, peername: Any) -> Any:
        """Run the request in the connection's own task.

        gunicorn makes a task for each, so that work after the answer does not delay the next request; here
        nothing follows the answer, and the task was a tenth of the cost of a request.
        """
        self._has_said_close = False
        can_go_on = await self._handle_http_request(request, sockname, peername)
        return can_go_on and not self._has_said_close

    def _send_response_start(self, status: int, headers: Any, request: Any, close: bool = False) -> None:
        # gunicorn does not look whether the answer itself says that it is the last.
        self._has_said_close = close or (b"connection", b"close") in headers
        super()._send_response_start(status, headers, request, close=close)

    def _on_headers_complete(self) -> Any:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        return super()._on_headers_complete()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        if self._head_timer is not None:
            self._head_timer.cancel()
        self.worker.connections.discard(self)
        super().connection_lost(error)

    def _arm_keepalive_timer(self) -> None:
        self._idle_since = self.worker.loop.time()
        super()._arm_keepalive_timer()

    def close_if_idle(self) -> None:
        """End the connection if no request has been on it for a moment; one might just be arriving."""
        if self._awaiting_request and self.worker.loop.time() - self._idle_since >= IDLE_BEFORE_CLOSE_SECONDS:
            self._close_transport()
            self._request_ready.set()

    def _expect_head(self) -> None:
        self._head_timer = self.worker.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._closed or self._current_request is not None:
            return
        self._send_error_response(408, "")
        self._close_transport()
        self._request_ready.set()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Refuse what gunicorn cannot parse, as problem+json; its message may quote the request."""
        code, detail = FRAMEWORK_CODES.get(status, FRAMEWORK_CODES[400])
        phrase, request_id = HTTPStatus(status).phrase, str(new_id())
        body = orjson.dumps(
            {
                "type": f"urn:doorward:problem:{code}",
                "title": phrase,
                "status": status,
                "detail": detail,
                "code": code,
                "request_id": request_id,
            }
        )
        extra = "".join(f"{name}: {value}\r\n" for name, value in extra_headers)
        head = (
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {PROBLEM_TYPE}\r\nContent-Length: {len(body)}\r\n"
            f"Cache-Control: no-store\r\nX-Request-ID: {request_id}\r\n{extra}Connection: close\r\n\r\n"
        )
        self._safe_write(head.encode("latin-1") + body)

    def _close_transport(self) -> None:
        """Close, but read over what the client still sends for a moment.

        Closing a socket with unread bytes resets it, and the reset would overtake the answer that says
        why the request was refused (RFC 9112 section 9.6).
        """
        transport = self.transport
        if transport is None or self._closed:
            return
        receiver = self._body_receiver
        is_whole = self._current_request is not None and (receiver is None or receiver._complete)
        if is_whole or (self._current_request is None and self._request_ready is None):
            super()._close_transport()
            if transport.get_write_buffer_size():  # a client that does not read (slowhttptest's slow read)
                self.worker.loop.call_later(FLUSH_SECONDS, transport.abort)
            return
        self._closed = self._is_lingering = True
        try:
            if transport.can_write_eof():
                transport.write_eof()
            self._resume_reading()
        except (OSError, RuntimeError):
            transport.abort()
            return
        self.worker.loop.call_later(LINGER_SECONDS, transport.abort)


# The worker makes its connections by this name.
gasgi.ASGIProtocol = GatewayProtocol


class GatewayWorker(gasgi.ASGIWorker):
    """A worker process of the gateway."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Runs in the master, before the fork."""
        super().__init__(*args, **options)
        self.connections: set[GatewayProtocol] = set()
        route_source.refresh(self.cfg)
        # A client that leaves takes its request to the upstream with it at once.
        self.cfg.set("asgi_disconnect_grace_period", 0)
        # Which peers to believe is our own setting; gunicorn believes the loopback.
        self.cfg.set("forwarded_allow_ips", "")

    def load_wsgi(self) -> None:
        """Load the application, and keep what belongs to it out of the collector's way."""
        super().load_wsgi()
        self.log._access_log_enabled = False  # the gateway writes its own line for each request
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    async def _shutdown(self) -> None:
        """Stop: those with a request under way get their answer, idle connections are closed."""
        closing = self.loop.create_task(self._close_idle())
        try:
            await super()._shutdown()
        finally:
            closing.cancel()

    async def _close_idle(self) -> None:
        while True:
            for connection in list(self.connections):
                connection.close_if_idle()
            await asyncio.sleep(0.1)

    def handle_exit_signal(self) -> None:
        """SIGTERM: say so in ``/readyz``, and stop taking connections once balancers have seen it."""
        self.asgi.begin_drain()
        self.loop.call_later(self.asgi.drain_seconds, super().handle_exit_signal)

"""Flask on asyncio: an app whose instances are ASGI applications and still ordinary WSGI ones.

A request runs in its own task with Flask's own contexts, hooks and error handlers. An async view is
awaited on the worker's loop, where the connection pools live; a sync view may block, so it runs with
all of Flask's dispatch in a thread. Bodies of async views are never buffered, in neither direction.
"""

import asyncio
import contextvars
import io
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, NamedTuple, Protocol

from flask import Response
from flask.ctx import RequestContext
from flask.signals import request_finished, request_started
from werkzeug.datastructures import Headers
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.environ import environ_of
from shared.chassis.app import DoorwardFlask

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

THREADS = 16


RawHeaders = list[tuple[bytes, bytes]]


class ClientGone(Exception):
    """The client left before its request was complete."""


class ResponseBroken(Exception):
    """The body cannot be completed: the connection must end without looking complete."""


class Source(Protocol):
    """Where a streamed body comes from."""

    async def read(self) -> bytes:
        """The next piece, ``b""`` at the end; raises ResponseBroken."""
        ...

    def close(self) -> None:
        """Nobody will read on, whether the end was reached or not."""
        ...


class StreamedResponse(Response):
    """A response whose body, if it is not whole yet, is read from ``source`` while it is sent.

    Made without werkzeug's constructor, whose defaults (a type, a length) a proxy must not add. The header
    fields stay the bytes that came from the upstream until a hook asks for ``headers``.
    """

    def __init__(self, status: int, fields: RawHeaders, body: bytes, source: Source | None) -> None:
        self._status_code = status
        self._status = str(status)
        self._on_close: list[Callable[[], Any]] = []
        self.direct_passthrough = False
        self.body = body
        self.source = source
        self._fields: RawHeaders | None = fields
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:  # type: ignore[override]  # werkzeug has an attribute here
        """The header fields, each on its own, as werkzeug has them."""
        if self._headers is None:
            text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields or ()]
            self._headers = Headers(text)
            self._fields = None
        return self._headers

    @property
    def response(self) -> list[bytes]:  # type: ignore[override]  # werkzeug has an attribute here
        """The whole body, for who treats this as an ordinary response."""
        return [self.body]

    def add_fields(self, fields: RawHeaders) -> None:
        """Add header fields without making ``headers`` if nobody has yet."""
        if self._fields is not None:
            self._fields += fields
        else:
            self.headers.extend((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)

    def raw_fields(self) -> RawHeaders:
        """The header fields as they go out."""
        return raw_headers(self.headers) if self._fields is None else self._fields


class _Answer(NamedTuple):
    """What a thread hands back to the loop."""

    status: int
    headers: RawHeaders
    body: bytes


class AsgiFlask(DoorwardFlask):
    """A Flask app that a gunicorn ASGI worker can serve."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        self.on_stop: list[Callable[[], Awaitable[None]]] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="view")
        self._start: asyncio.Future[None] | None = None

    def __call__(self, *args: Any) -> Any:
        """Serve one ASGI scope (three arguments) or one WSGI request (two)."""
        if len(args) == 3:
            return self.asgi_app(*args)
        return super().__call__(*args)

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "http":
            if self._start is None or not self._start.done():
                await self.started()
            await self.serve(self.async_context(scope, receive), send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.started()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stopped()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def started(self) -> None:
        """Run what must run on the loop before the first request, once."""
        if self._start is None:
            self._start = asyncio.get_running_loop().create_future()
            for start in self.on_start:
                await start()
            self._start.set_result(None)
        await self._start

    async def stopped(self) -> None:
        """Undo ``started``, in the opposite order."""
        self._start = None
        for stop in reversed(self.on_stop):
            await stop()

    def async_context(self, scope: Scope, receive: Receive) -> RequestContext:
        """The request context of ``scope``, not pushed yet; a subclass may route by itself here."""
        context = self.request_context(environ_of(scope, receive))
        if context.url_adapter is not None:
            context.match_request()
        return context

    async def serve(self, context: RequestContext, send: Send) -> None:
        """Answer one request: on the loop if its view is async (or there is none), else in a thread."""
        try:
            if self.may_block(context):
                await self._serve_in_thread(context, send)
            else:
                await self._serve_on_loop(context, send)
        except (ClientGone, ResponseBroken):
            return  # the server ends the connection, since the response is not complete

    def may_block(self, context: RequestContext) -> bool:
        """Whether the request belongs to a view that is not async."""
        rule = context.request.url_rule
        return rule is not None and not iscoroutinefunction(self.view_functions[rule.endpoint])

    async def _serve_on_loop(self, context: RequestContext, send: Send) -> None:
        error: BaseException | None = None
        try:
            context.push()
            try:
                response = await self._dispatch(context)
            except (ClientGone, asyncio.CancelledError):
                self.client_left(context)
                raise
            except Exception as caught:
                error = caught
                response = self.handle_exception(caught)
            await self.send_response(context, response, send)
        except BaseException:
            error = sys.exc_info()[1]
            raise
        finally:
            context.pop(error)

    async def _dispatch(self, context: RequestContext) -> Response:
        """Flask's ``full_dispatch_request``, with hooks awaited where they are async."""
        self._got_first_request = True
        try:
            if request_started.receivers:
                request_started.send(self, _async_wrapper=self.ensure_sync)
            answer = await self.preprocess(context)
            if answer is None:
                answer = await self.answer(context)
        except ClientGone:
            raise
        except Exception as error:
            answer = self.handle_user_exception(error)
        response = answer if isinstance(answer, Response) else self.make_response(answer)
        response = await self.process(context, response)
        if request_finished.receivers:
            request_finished.send(self, _async_wrapper=self.ensure_sync, response=response)
        return response

    async def answer(self, context: RequestContext) -> Any:
        """The view's answer."""
        request = context.request
        if request.routing_exception is not None or request.url_rule is None:
            self.raise_routing_exception(request)
        view: Any = self.view_functions[request.url_rule.endpoint]
        return await view(**(request.view_args or {}))

    async def preprocess(self, context: RequestContext) -> Any:
        """The before_request hooks, up to the first that answers."""
        request = context.request
        for name in (None, *reversed(request.blueprints)):
            for preprocess in self.url_value_preprocessors.get(name, ()):
                preprocess(request.endpoint, request.view_args)
            for before in self.before_request_funcs.get(name, ()):
                answer: Any = before()
                if iscoroutine(answer):
                    answer = await answer
                if answer is not None:
                    return answer
        return None

    async def process(self, context: RequestContext, response: Response) -> Response:
        """The after_request hooks, and the session saved."""
        hooks = list(context._after_request_functions)
        for name in (*context.request.blueprints, None):
            hooks += reversed(self.after_request_funcs.get(name, ()))
        for after in hooks:
            processed: Any = after(response)
            response = await processed if iscoroutine(processed) else processed
        session = context._session
        if session is not None and not self.session_interface.is_null_session(session):
            self.session_interface.save_session(self, session, response)
        return response

    async def send_response(self, context: RequestContext, response: Response, send: Send) -> None:
        """Write ``response`` to the client, no faster than it reads."""
        source = response.source if isinstance(response, StreamedResponse) else None
        try:
            await send(
                {"type": "http.response.start", "status": response.status_code, "headers": raw(response)}
            )
            if source is not None:
                while piece := await source.read():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            else:
                body = response.body if isinstance(response, StreamedResponse) else response.get_data()
                await send({"type": "http.response.body", "body": body})
        finally:
            if source is not None:
                source.close()
            response.close()

    def client_left(self, context: RequestContext) -> None:
        """The client went away before there was an answer."""

    async def _serve_in_thread(self, context: RequestContext, send: Send) -> None:
        environ = context.request.environ
        loop = asyncio.get_running_loop()
        body = await _whole_body(environ["asgi.receive"], self.config["MAX_CONTENT_LENGTH"])
        environ["wsgi.input"] = io.BytesIO(body or b"")
        context.request.routing_exception = None if body is not None else RequestEntityTooLarge()
        run = contextvars.copy_context().run
        answer = await loop.run_in_executor(self._threads, run, self._answer_in_thread, context)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer_in_thread(self, context: RequestContext) -> _Answer:
        too_large = context.request.routing_exception
        error: BaseException | None = None
        try:
            try:
                context.push()
                context.request.routing_exception = context.request.routing_exception or too_large
                response = self.full_dispatch_request()
            except Exception as caught:
                error = caught
                response = self.handle_exception(caught)
            response.direct_passthrough = False
            is_bodiless = context.request.method == "HEAD" or response.status_code in {204, 304}
            body = b"" if is_bodiless else response.get_data()
            headers = response.get_wsgi_headers(context.request.environ)
            response.close()
            return _Answer(response.status_code, raw_headers(headers), body)
        finally:
            context.pop(error)


def raw(response: Response) -> RawHeaders:
    """The headers of ``response`` as ASGI wants them."""
    return response.raw_fields() if isinstance(response, StreamedResponse) else raw_headers(response.headers)


def raw_headers(headers: Headers) -> RawHeaders:
    """``headers`` as ASGI wants them: lower-case names, bytes."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def _whole_body(receive: Receive, limit: int | None) -> bytes | None:
    """The request body of a sync view, None as soon as it is longer than ``limit``."""
    pieces = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        size += len(piece)
        if limit is not None and size > limit:
            return None
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)

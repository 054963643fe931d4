"""Flask on asyncio: an app whose instances are ASGI applications and still ordinary WSGI ones.

A request runs in a task with Flask's own contexts, hooks and error handlers. An async view is awaited on
the worker's loop, where the connection pools live; a sync view may block, so it runs with all of Flask's
dispatch in a thread. Bodies of async views are never buffered, in neither direction.
"""

import asyncio
import contextvars
import io
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from inspect import iscoroutine, iscoroutinefunction
from typing import Any, TypeVar

from flask import Response
from flask.ctx import RequestContext
from flask.signals import request_finished, request_started
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.environ import environ_of
from gateway.messages import (
    Answer,
    ClientGone,
    Receive,
    ResponseBroken,
    Scope,
    Send,
    StreamedResponse,
    raw,
    raw_headers,
    whole_body,
)
from gateway.reply import Reply
from shared.chassis.app import DoorwardFlask
from shared.chassis.logs import get_logger

T = TypeVar("T")
log = get_logger(__name__)
THREADS = 16
# How long a client may take to read what is under way to it: about 64 KiB.
TAKING_SECONDS = 30.0


class AsgiFlask(DoorwardFlask):
    """A Flask app that a gunicorn ASGI worker can serve."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        self.on_stop: list[Callable[[], Awaitable[None]]] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="view")
        self._start: asyncio.Future[None] | None = None
        self._is_started = False

    def __call__(self, *args: Any) -> Any:
        """Serve one ASGI scope (three arguments) or one WSGI request (two)."""
        if len(args) == 3:
            return self.asgi_app(*args)
        return super().__call__(*args)

    async def asgi_app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] == "http":
            if not self._is_started:
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
                try:
                    await self.started()
                except Exception as error:
                    log.exception("start_failed")
                    await send({"type": "lifespan.startup.failed", "message": repr(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stopped()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def started(self) -> None:
        """Run what must run on the loop before the first request, once."""
        if self._start is None:
            self._start = asyncio.ensure_future(self._run_start_hooks())
        await asyncio.shield(self._start)
        self._is_started = True

    async def _run_start_hooks(self) -> None:
        for start in self.on_start:
            await start()

    def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, awaited where the connection pools live; for the thread of a sync view."""
        if self._start is None:
            return asyncio.run(work)  # served as WSGI
        return asyncio.run_coroutine_threadsafe(work, self._start.get_loop()).result()

    async def stopped(self) -> None:
        """Undo ``started``, in the opposite order; a request that comes later starts nothing again."""
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
        if source is None and isinstance(send, Reply):
            send.whole(response.status_code, raw(response), _body_of(response))
            response.close()
            return
        try:
            await send(
                {"type": "http.response.start", "status": response.status_code, "headers": raw(response)}
            )
            if source is not None:
                while piece := await source.read():
                    await _taken(send({"type": "http.response.body", "body": piece, "more_body": True}))
                await send({"type": "http.response.body", "body": b""})
            else:
                await send({"type": "http.response.body", "body": _body_of(response)})
        finally:
            if source is not None:
                source.close()
            response.close()

    def client_left(self, context: RequestContext) -> None:
        """The client went away before there was an answer."""

    async def _serve_in_thread(self, context: RequestContext, send: Send) -> None:
        environ = context.request.environ
        loop = asyncio.get_running_loop()
        body = await whole_body(environ["asgi.receive"], self.config["MAX_CONTENT_LENGTH"])
        environ["wsgi.input"] = io.BytesIO(body or b"")
        context.request.routing_exception = None if body is not None else RequestEntityTooLarge()
        run = contextvars.copy_context().run
        answer = await loop.run_in_executor(self._threads, run, self._answer_in_thread, context)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer_in_thread(self, context: RequestContext) -> Answer:
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
            return Answer(response.status_code, raw_headers(headers), body)
        finally:
            context.pop(error)


async def _taken(sending: Awaitable[None]) -> None:
    """Wait until the client has taken enough of what was sent; raises ResponseBroken if it does not."""
    try:
        async with asyncio.timeout(TAKING_SECONDS):
            await sending
    except TimeoutError as error:
        raise ResponseBroken from error


def _body_of(response: Response) -> bytes:
    return response.body if isinstance(response, StreamedResponse) else response.get_data()

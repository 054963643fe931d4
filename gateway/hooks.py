"""Flask's hooks around forwarded requests: those that are registered on the app after ``create_app``.

They run in a small Flask app of their own, by its WSGI door, whose only view awaits the pipeline's answer.
Without any, forwarded requests meet no Flask at all. The hooks of the gateway's own pages (sessions, forms)
are registered before, and stay with these pages.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, Response, request
from flask.sessions import SessionInterface
from flask.signals import got_request_exception, request_finished

from gateway.asgi import AsgiFlask
from gateway.exchange import Exchange
from gateway.hooked_response import hooked
from gateway.messages import Answer, ClientGone, StreamedResponse
from gateway.route_table import ENDPOINT
from gateway.routing import Table
from gateway.values import METHODS
from shared.serving.environ import environ_of

# A thread stands still while its request is forwarded: so many are at once at most where there are hooks.
THREADS = 128
_FORWARDING = "doorward.forwarding"

Forward = Callable[[Exchange], Awaitable[Answer]]


class Hooks:
    """The hooks of ``app`` that are registered from now on."""

    def __init__(self, app: AsgiFlask, table: Table) -> None:
        self._app = app
        self._own = self._count()
        self._own_handlers = _handlers_of(app)
        self.are_there = False  # until the worker starts
        self._flask: Flask | None = None
        self._table = table
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hook")

    def _count(self) -> tuple[int, int, int]:
        app = self._app
        before, after, teardown = (
            len(functions.get(None, ()))
            for functions in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
        )
        return before, after, teardown

    async def settle(self) -> None:
        """Look once whether any are registered: as in Flask, none may be added behind the first request."""
        is_same = self._count() == self._own and _handlers_of(self._app) == self._own_handlers
        self.are_there = not is_same

    async def around(self, exchange: Exchange, forward: Forward) -> Answer:
        """What ``forward`` answers, and the hooks make of it; raises ClientGone, or what a hook raised."""
        forwarding = _Forwarding(exchange, forward)
        environ = environ_of(exchange.scope)
        environ["REMOTE_ADDR"], environ["wsgi.url_scheme"] = exchange.address, exchange.protocol
        environ[_FORWARDING] = forwarding
        if exchange.asks_for_socket:
            # Werkzeug would look for a rule of its own kind; hooks see it by Upgrade.
            environ.pop("HTTP_CONNECTION", None)
        run: Callable[..., Any] = contextvars.copy_context().run
        flask = self._flask or self._new_flask()
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._threads, run, flask.wsgi_app, environ, _start_nothing
            )
            finished = forwarding.outcome()
        except BaseException:
            forwarding.drop(None)
            raise
        forwarding.drop(finished)
        return finished

    def _new_flask(self) -> Flask:
        """A Flask app with the hooks, the error handlers and the configuration of ours, and one view."""
        app, (before, after, teardown) = self._app, self._own
        flask = self._flask = _HooksFlask(app.import_name, static_folder=None)
        flask.owner = app
        flask.config, flask.extensions, flask.json = app.config, app.extensions, app.json
        flask.error_handler_spec = app.error_handler_spec
        flask.session_interface = _NoSessions()
        flask.url_map.strict_slashes = flask.url_map.merge_slashes = False
        for functions, hooks, own in (
            (flask.before_request_funcs, app.before_request_funcs, before),
            (flask.after_request_funcs, app.after_request_funcs, after),
            (flask.teardown_request_funcs, app.teardown_request_funcs, teardown),
        ):
            functions[None] = list(hooks.get(None, ()))[own:]  # type: ignore[assignment]
        for rule in ("/", "/<path:target>", *(match.rule.rule for match in self._table.matches)):
            flask.add_url_rule(rule, ENDPOINT, _forward, methods=METHODS, provide_automatic_options=False)
        request_finished.connect(_note, flask)
        got_request_exception.connect(_note_failure, flask)
        return flask


class _Forwarding:
    """One exchange on its way through the hooks."""

    def __init__(self, exchange: Exchange, forward: Forward) -> None:
        self._exchange = exchange
        self._forward = forward
        self._answer: Answer | None = None
        self._task: asyncio.Task[Any] | None = None
        self.finished: Response | None = None
        self.failure: Exception = ClientGone()  # why there is no answer, if there is none
        self.is_client_gone = False

    async def answer(self) -> Response:
        self._task = asyncio.current_task()
        try:
            self._answer = await self._forward(self._exchange)
        except (ClientGone, asyncio.CancelledError):
            self.is_client_gone = True
            return Response(status=499)
        finally:
            self._task = None
        return hooked(self._answer)

    def outcome(self) -> Response:
        """What came of it; raises ClientGone, or what a hook raised.

        A hook that fails behind every answer fails behind Flask's answer to that, too: then there is none.
        """
        if self.is_client_gone:
            raise ClientGone
        if self.finished is None:
            raise self.failure
        return self.finished

    def drop(self, finished: Response | None) -> None:
        """End what is under way to the upstream unless ``finished`` goes on with it."""
        if self._task is not None:
            self._task.cancel()
        source = self._answer.source if isinstance(self._answer, StreamedResponse) else None
        if source is not None and getattr(finished, "source", None) is not source:
            source.close()


class _HooksFlask(Flask):
    """The app that hooks see as ``current_app``."""

    owner: AsgiFlask

    def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Await async hooks, and the forwarding itself, on the worker's loop."""
        return self.owner.async_to_sync(func)


class _NoSessions(SessionInterface):
    """The console's sessions are none of forwarded requests' business."""

    def open_session(self, app: Flask, request: Any) -> None:
        return None


async def _forward(**_parts: Any) -> Response:
    forwarding: _Forwarding = request.environ[_FORWARDING]
    return await forwarding.answer()


def _note(_flask: Flask, response: Response, **_options: Any) -> None:
    request.environ[_FORWARDING].finished = response


def _note_failure(_flask: Flask, exception: Exception, **_options: Any) -> None:
    request.environ[_FORWARDING].failure = exception


def _start_nothing(_status: str, _fields: list[tuple[str, str]], _error: Any = None) -> None:
    """The answer is taken as it is, not as WSGI has it."""


def _handlers_of(app: Flask) -> int:
    """How many error handlers there are for the whole app."""
    count = 0
    for handlers in app.error_handler_spec[None].values():
        count += len(handlers)
    return count

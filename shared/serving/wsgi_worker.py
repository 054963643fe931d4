"""gunicorn's worker for WSGI apps on our server: a loop for the clients, ``--threads`` threads for the app.

Set by ``--worker-class shared.serving.wsgi_worker.WsgiWorker``.
"""

from datetime import timedelta
from time import monotonic
from typing import Any, NamedTuple

from shared.serving.messages import Receive, Scope, Send
from shared.serving.worker import AsgiWorker
from shared.serving.wsgi import WsgiApp
from shared.serving.wsgi_answer import WsgiAnswer, WsgiCallable
from shared.serving.wsgi_body import ClientLeft

STOP_SECONDS = 2.0
_BEGAN = "doorward.began"


class WsgiWorker(AsgiWorker):
    """A worker process."""

    def asgi_of(self, app: WsgiCallable) -> "ThreadedApp":
        """Put threads in front of the app."""
        return ThreadedApp(app, threads=self.cfg.threads, log=self.log)


class AnswerLogged(NamedTuple):
    """What gunicorn's access log reads of an answer."""

    status: str
    headers: list[tuple[str, str]]
    sent: int


class RequestLogged:
    """What it reads of a request beside the environ."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._environ = environ

    @property
    def headers(self) -> list[tuple[str, str]]:
        """As they came."""
        fields = self._environ["asgi.scope"]["headers"]
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]


class ThreadedApp:
    """A WSGI app as an ASGI app, with an access line for each answer."""

    def __init__(self, app: WsgiCallable, *, threads: int, log: Any) -> None:
        self._app = WsgiApp(app, threads=threads, on_end=self._write_line)
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or be told of the worker's end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            await self._app(scope, receive, send, extra={_BEGAN: monotonic()})
        except ClientLeft:
            return

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await self._app.stop(STOP_SECONDS)
        await send({"type": "lifespan.shutdown.complete"})

    def _write_line(self, answer: WsgiAnswer) -> None:
        """In a thread, behind the answer. What failed before it had a status has a line of its own."""
        if answer.status:
            took = timedelta(seconds=monotonic() - answer.environ[_BEGAN])
            logged = AnswerLogged(answer.status, answer.fields, answer.sent)
            self._log.access(logged, RequestLogged(answer.environ), answer.environ, took)

"""A WSGI app behind the server: each request in a thread, its body and its answer on the loop."""

import asyncio
from collections.abc import Iterator
from typing import IO, Any

from shared.serving.environ import environ_of
from shared.serving.messages import Receive, Scope, Send
from shared.serving.reply import Reply
from shared.serving.threads import Threads
from shared.serving.wsgi_answer import PART, WsgiAnswer, WsgiCallable
from shared.serving.wsgi_body import input_of
from shared.serving.wsgi_call import Call, OnEnd

LOOK_SECONDS = 0.05


def _say_nothing(_answer: WsgiAnswer) -> None:
    """Nobody wants to know of the end of a request."""


class WsgiApp:
    """Serves ``app``, at most ``threads`` requests at once.

    ``on_end`` is called in a thread when an answer is over.
    """

    def __init__(
        self,
        app: WsgiCallable,
        *,
        threads: int,
        on_end: OnEnd = _say_nothing,
    ) -> None:
        self._app = app
        self._threads = Threads(threads, name="view")
        self._on_end = on_end
        self._open: set[WsgiAnswer] = set()  # changed by the threads, too

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, extra: dict[str, Any] | None = None
    ) -> int:
        """Answer one request, with ``extra`` in its environ; the status. Raises ClientLeft."""
        environ = environ_of(scope)
        if extra:
            environ.update(extra)
        environ["wsgi.input"] = await input_of(scope, receive)
        environ["wsgi.input_terminated"] = True
        environ["wsgi.file_wrapper"] = _FileWrapper
        answer = WsgiAnswer(self._app, environ)
        self._open.add(answer)
        call = Call(answer, self._threads, self._end)
        try:
            return await _send(call, send)
        finally:
            call.leave()

    async def stop(self, seconds: float) -> None:
        """Wait so long for answers that nobody waits for any more, and for what is said of them."""
        for _ in range(int(seconds / LOOK_SECONDS)):
            if not self._open:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _end(self, answer: WsgiAnswer) -> None:
        try:
            self._on_end(answer)
        finally:
            self._open.discard(answer)


async def _send(call: Call, send: Send) -> int:
    start = await call.begin()
    if start.is_whole and isinstance(send, Reply):
        send.whole(start.status, start.fields, start.body)
        return start.status
    await send({"type": "http.response.start", "status": start.status, "headers": start.fields})
    part, is_last = start.body, start.is_whole
    while True:
        for at in range(0, len(part), PART):
            await send({"type": "http.response.body", "body": part[at : at + PART], "more_body": True})
        if is_last:
            break
        part, is_last = await call.next_part()
    await send({"type": "http.response.body"})
    return start.status


class _FileWrapper:
    """A file in pieces (PEP 3333), of a size that is worth the way to a thread."""

    def __init__(self, file: IO[bytes], _buffer_size: int = PART) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(PART):
            yield piece

    def close(self) -> None:
        """Close the file."""
        if hasattr(self._file, "close"):
            self._file.close()

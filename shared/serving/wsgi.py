"""A WSGI app behind the server: each request in a thread, its body and its answer on the loop."""

import asyncio
import contextvars
import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any, NamedTuple

from shared.serving.environ import environ_of
from shared.serving.messages import RawHeaders, Receive, Scope, Send

PIECE = 65_536


class ClientLeft(Exception):
    """The client left before its request was complete."""


class BodyOverLimit(Exception):
    """The request's body is larger than the app takes."""


class _Answer(NamedTuple):
    status: int
    fields: RawHeaders
    pieces: Iterable[bytes]


class WsgiApp:
    """Serves ``app``, at most ``threads`` requests at once; a body may have ``most_body`` bytes."""

    def __init__(self, app: Callable[..., Iterable[bytes]], *, threads: int, most_body: int) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="view")
        self._most_body = most_body

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, *, extra: dict[str, Any] | None = None
    ) -> int:
        """Answer one request, with ``extra`` in its environ; the status. Raises ClientLeft, BodyOverLimit."""
        environ = {**environ_of(scope), **(extra or {})}
        environ["wsgi.input"] = io.BytesIO(await whole_body(receive, self._most_body))
        environ["wsgi.input_terminated"] = True
        environ["wsgi.file_wrapper"] = _FileWrapper
        context = contextvars.copy_context()
        answer: _Answer = await self._in_thread(context, self._run, environ)
        try:
            await self._send(context, answer, send)
        finally:
            close = getattr(answer.pieces, "close", None)
            if close is not None:
                await self._in_thread(context, close)
        return answer.status

    async def _in_thread(self, context: contextvars.Context, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, work, *args)

    def _run(self, environ: dict[str, Any]) -> _Answer:
        started: list[Any] = []

        def start_response(status: str, fields: list[tuple[str, str]], _error: Any = None) -> None:
            started[:] = [status, fields]

        pieces = self._app(environ, start_response)
        status, fields = started
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        return _Answer(int(status[:3]), raw, pieces)

    async def _send(self, context: contextvars.Context, answer: _Answer, send: Send) -> None:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.fields})
        pieces = iter(answer.pieces)
        while (piece := await self._in_thread(context, _next_of, pieces)) is not None:
            for start in range(0, len(piece), PIECE):
                part = piece[start : start + PIECE]
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})


def _next_of(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


class _FileWrapper:
    """A file in pieces (PEP 3333), of a size that is worth the way to a thread."""

    def __init__(self, file: IO[bytes], _buffer_size: int = PIECE) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(PIECE):
            yield piece

    def close(self) -> None:
        """Close the file."""
        if hasattr(self._file, "close"):
            self._file.close()


async def whole_body(receive: Receive, most: int) -> bytes:
    """The request's body; raises ClientLeft, and BodyOverLimit as soon as it is."""
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise BodyOverLimit
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces)

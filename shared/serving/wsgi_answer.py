"""What a WSGI app answers to one request (PEP 3333); all of it runs in a thread."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from shared.serving.messages import RawHeaders

PART = 65_536

WsgiCallable = Callable[..., Iterable[bytes]]


class Start(NamedTuple):
    """The head of an answer with the first piece of its body, which may be all of it."""

    status: int
    fields: RawHeaders
    body: bytes
    is_whole: bool


class WsgiAnswer:
    """One answer."""

    __slots__ = (
        "_app",
        "_left",
        "_pieces",
        "_rest",
        "environ",
        "fields",
        "is_over",
        "sent",
        "start",
        "status",
    )

    def __init__(self, app: WsgiCallable, environ: dict[str, Any]) -> None:
        self._app = app
        self._pieces: Iterable[bytes] = ()
        self._rest: Iterator[bytes] = iter(())
        self._left: int | None = None  # of what Content-Length promised
        self.environ = environ
        self.status = ""
        self.fields: list[tuple[str, str]] = []
        self.start: Start
        self.sent = 0  # bytes of the body
        self.is_over = False

    def begin(self) -> None:
        """Call the app."""
        self._pieces = self._app(self.environ, self._start_response)
        self._rest = iter(self._pieces)
        first = next(self._rest, None)  # an app may say its status as late as this
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.fields]
        status = int(self.status[:3])
        length = dict(raw).get(b"content-length")
        self._left = None if length is None else int(length)
        if first is None:
            self.is_over = True
        else:
            self._count(first)
        self.start = Start(status, raw, first or b"", self.is_over)

    def produce(self, emit: Callable[[bytes], bool]) -> None:
        """Hand pieces to ``emit`` until there are enough for once, or it wants no more."""
        size = 0
        for piece in self._rest:
            self._count(piece)
            size += len(piece)
            if not emit(piece) or size >= PART or self.is_over:
                return
        self.is_over = True

    def close(self) -> None:
        """Tell the app that it is over, or that nobody wants the rest."""
        close = getattr(self._pieces, "close", None)
        self._pieces, self._rest = (), iter(())
        if close is not None:
            close()

    def _start_response(self, status: str, fields: list[tuple[str, str]], error: Any = None) -> None:
        if self.status and error is None:
            raise RuntimeError("the response has started")
        self.status, self.fields = status, fields

    def _count(self, piece: bytes) -> None:
        self.sent += len(piece)
        if self._left is not None:
            self._left -= len(piece)
            self.is_over = self._left <= 0

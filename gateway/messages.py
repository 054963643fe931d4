"""What travels between server and app: ASGI's messages, and responses that are read while they are sent."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, Protocol

from flask import Response
from werkzeug.datastructures import Headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

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

    def cut(self) -> None:
        """Let the present and every further read raise ResponseBroken."""
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


class Answer(NamedTuple):
    """What a thread hands back to the loop."""

    status: int
    headers: RawHeaders
    body: bytes


def raw(response: Response) -> RawHeaders:
    """The headers of ``response`` as ASGI wants them."""
    return response.raw_fields() if isinstance(response, StreamedResponse) else raw_headers(response.headers)


def raw_headers(headers: Headers) -> RawHeaders:
    """``headers`` as ASGI wants them: lower-case names, bytes."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


async def whole_body(receive: Receive, limit: int | None) -> bytes | None:
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

"""What the gateway answers with: responses that are whole, and those that are read while they are sent."""

from typing import Any, Protocol

from flask import Response
from werkzeug.datastructures import Headers

from shared.serving.messages import Message, RawHeaders, Receive, Scope, Send
from shared.serving.reply import Reply

__all__ = ["Message", "RawHeaders", "Receive", "Scope", "Send"]


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


class StreamedResponse:
    """A response whose body, if it is not whole yet, is read from ``source`` while it is sent.

    The header fields stay the bytes that came from the upstream until somebody asks for ``headers``.
    """

    __slots__ = ("_fields", "_headers", "body", "source", "status_code")

    def __init__(self, status: int, fields: RawHeaders, body: bytes, source: Source | None) -> None:
        self.status_code = status
        self.body = body
        self.source = source
        self._fields: RawHeaders | None = fields
        self._headers: Headers | None = None

    @property
    def headers(self) -> Headers:
        """The header fields, each on its own, as werkzeug has them."""
        if self._headers is None:
            text = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields or ()]
            self._headers = Headers(text)
            self._fields = None
        return self._headers

    def add_fields(self, fields: RawHeaders) -> None:
        """Add header fields without making ``headers`` if nobody has yet."""
        if self._fields is not None:
            self._fields += fields
        else:
            self.headers.extend((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)

    def raw_fields(self) -> RawHeaders:
        """The header fields as they go out."""
        return raw_headers(self.headers) if self._fields is None else self._fields


Answer = Response | StreamedResponse


def raw(response: Answer) -> RawHeaders:
    """The headers of ``response`` as ASGI wants them."""
    return response.raw_fields() if isinstance(response, StreamedResponse) else raw_headers(response.headers)


def raw_headers(headers: Headers) -> RawHeaders:
    """``headers`` as ASGI wants them: lower-case names, bytes."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def send_at_once(answer: Answer, send: Send) -> bool:
    """Write ``answer`` if it is a forwarded one that is whole; False if it has to be sent in parts."""
    if isinstance(answer, StreamedResponse) and answer.source is None and isinstance(send, Reply):
        send.whole(answer.status_code, answer.raw_fields(), answer.body)
        return True
    return False


async def send_answer(answer: Answer, send: Send) -> None:
    """Write ``answer`` to the client, no faster than it reads; raises ResponseBroken, ClientTooSlow."""
    source: Source | None = getattr(answer, "source", None)
    try:
        if source is None:
            await _send_whole(answer, send)
        else:
            await _send_stream(answer, source, send)
    finally:
        let_go(answer)


def let_go(answer: Answer) -> None:
    """Nothing of ``answer`` is sent any more: whoever it comes from is free again."""
    source: Source | None = getattr(answer, "source", None)
    if source is not None:
        source.close()
    if isinstance(answer, Response):
        answer.close()


async def _send_whole(answer: Answer, send: Send) -> None:
    body = answer.body if isinstance(answer, StreamedResponse) else answer.get_data()
    if isinstance(send, Reply):
        send.whole(answer.status_code, raw(answer), body)
        return
    await send(_start_of(answer))
    await send({"type": "http.response.body", "body": body})


async def _send_stream(answer: Answer, source: Source, send: Send) -> None:
    await send(_start_of(answer))
    while piece := await source.read():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _start_of(answer: Answer) -> dict[str, Any]:
    return {"type": "http.response.start", "status": answer.status_code, "headers": raw(answer)}

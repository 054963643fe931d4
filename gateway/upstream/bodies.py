"""The bodies of responses: by length, by chunks, or as long as the connection lasts (RFC 9112 section 6)."""

import re

from gateway.upstream.framing import MalformedResponse, ResponseHead

LONGEST_CHUNK_LINE = 256
LONGEST_TRAILER = 8_192

_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


class ResponseBody:
    """A part of the stream that is one response's body."""

    __slots__ = ("is_done",)

    def __init__(self, *, is_empty: bool = False) -> None:
        self.is_done = is_empty

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Payload in ``data``, and what lies beyond the body's end."""
        raise NotImplementedError

    def end(self) -> None:
        """The connection ended here; raises MalformedResponse if the body had not."""
        raise NotImplementedError


def response_body_of(head: ResponseHead, method: bytes) -> ResponseBody:
    """How the body after ``head`` is framed (RFC 9112 section 6.3)."""
    if method == b"HEAD" or head.status in {204, 304}:
        return LengthBody(0)
    if head.is_chunked:
        return ChunkedBody()
    if head.length is not None:
        return LengthBody(head.length)
    head.is_close = True
    return CloseBody()


class LengthBody(ResponseBody):
    """A body of a length known beforehand."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        super().__init__(is_empty=length == 0)
        self._left = length

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The part of ``data`` within the length, and the rest."""
        if len(data) <= self._left:
            self._left -= len(data)
            self.is_done = self._left == 0
            return data, b""
        payload, rest = data[: self._left], data[self._left :]
        self._left, self.is_done = 0, True
        return payload, rest

    def end(self) -> None:
        """A connection that ends before the length is reached has lost something."""
        if not self.is_done:
            raise MalformedResponse("the body is shorter than its Content-Length")


class CloseBody(ResponseBody):
    """A body that lasts as long as the connection."""

    __slots__ = ()

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """All of it is payload."""
        return data, b""

    def end(self) -> None:
        """The end of the connection is the end of the body."""
        self.is_done = True


class ChunkedBody(ResponseBody):
    """A chunked body (RFC 9112 section 7.1); extensions and trailers are read over, within bounds."""

    __slots__ = ("_buffer", "_is_in_trailer", "_left", "_trailer_size")

    def __init__(self) -> None:
        super().__init__()
        self._buffer = b""
        self._left = 0  # bytes of the current chunk still to come, its CRLF included
        self._is_in_trailer = False
        self._trailer_size = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """The payload of all chunks in ``data``, without their framing."""
        data, self._buffer = self._buffer + data, b""
        payload: list[bytes] = []
        while data and not self.is_done:
            taken = self._take_chunk(data, payload) if self._left else self._take_line(data)
            if not taken:
                self._buffer = data
                return b"".join(payload), b""
            data = data[taken:]
        return b"".join(payload), data

    def _take_chunk(self, data: bytes, payload: list[bytes]) -> int:
        if self._left > 2:
            piece = data[: self._left - 2]
            payload.append(piece)
            self._left -= len(piece)
            return len(piece)
        if len(data) < 2:
            return 0
        if data[:2] != b"\r\n":
            raise MalformedResponse("a chunk does not end where its size says")
        self._left = 0
        return 2

    def _take_line(self, data: bytes) -> int:
        end = data.find(b"\r\n")
        if end < 0 or end > LONGEST_CHUNK_LINE:
            if len(data) > (LONGEST_TRAILER if self._is_in_trailer else LONGEST_CHUNK_LINE):
                raise MalformedResponse("a chunk line or trailer without end")
            if end < 0:
                return 0
        if self._is_in_trailer:
            return self._take_trailer(end)
        match = _CHUNK_SIZE.fullmatch(data[:end])
        if match is None:
            raise MalformedResponse("a chunk size that is none")
        size = int(match[1], 16)
        self._left = size + 2 if size else 0
        self._is_in_trailer = size == 0
        return end + 2

    def _take_trailer(self, end: int) -> int:
        self._trailer_size += end + 2
        if self._trailer_size > LONGEST_TRAILER:
            raise MalformedResponse("a trailer without end")
        self.is_done = end == 0
        return end + 2

    def end(self) -> None:
        """Only the last chunk ends this body."""
        if not self.is_done:
            raise MalformedResponse("the body ended before its last chunk")

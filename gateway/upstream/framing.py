"""Where a response begins and ends (RFC 9112), decided in pure code without a socket.

Strict on purpose: a byte stream that two parsers could cut differently is a protocol error here, since
whatever follows it on the connection would be taken for the answer to somebody else's request.
"""

import re
from dataclasses import dataclass
from typing import Protocol

LONGEST_HEAD = 65_536
LONGEST_CHUNK_LINE = 256
LONGEST_TRAILER = 8_192

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Control characters, and a CR or an LF that is not half of a line end: header injection otherwise.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")

Headers = list[tuple[bytes, bytes]]


class MalformedResponse(Exception):
    """The upstream's bytes are not one well-formed HTTP/1.1 response."""


@dataclass(slots=True)
class Head:
    """A response's status line and header section; names in lower case, in the order received."""

    status: int
    headers: Headers
    minor_version: int
    length: int | None  # Content-Length
    is_chunked: bool
    is_close: bool  # the upstream ends the connection after this response


class Body(Protocol):
    """A part of the stream that is one response's body."""

    is_done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Payload in ``data``, and what lies beyond the body's end."""
        ...

    def end(self) -> None:
        """The connection ended here; raises MalformedResponse if the body had not."""
        ...


def parse_head(block: bytes) -> Head:
    """The head in ``block``, which ends before the empty line; raises MalformedResponse."""
    if _FORBIDDEN.search(block):
        raise MalformedResponse("control characters in the head")
    lines = block.split(b"\r\n")
    match = _STATUS_LINE.fullmatch(lines[0])
    if match is None:
        raise MalformedResponse("no HTTP/1.1 status line")
    minor = int(match[1])
    head = Head(int(match[2]), [], minor, None, False, minor == 0)
    for line in lines[1:]:
        pair = _known_lines.get(line) or _parse_line(line)
        head.headers.append(pair)
        if pair[0] in _FRAMING:
            _note_framing(head, *pair)
    if head.is_chunked and head.length is not None:
        raise MalformedResponse("both Transfer-Encoding and Content-Length")  # RFC 9112 section 6.3
    return head


# Most lines of a service's answers are the same each time.
_known_lines: dict[bytes, tuple[bytes, bytes]] = {}
MOST_KNOWN_LINES = 2048
LONGEST_KNOWN_LINE = 128


def _parse_line(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    # An empty name, white space before the colon and obsolete folding all fail this one check.
    if not colon or _NAME.fullmatch(name) is None:
        raise MalformedResponse("a header line that is none")
    pair = (name.lower(), value.strip(b" \t"))
    if len(line) <= LONGEST_KNOWN_LINE and len(_known_lines) < MOST_KNOWN_LINES:
        _known_lines[line] = pair
    return pair


_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})


def _note_framing(head: Head, name: bytes, value: bytes) -> None:
    if name == b"connection":
        head.is_close = head.is_close or b"close" in value.lower()
    elif name == b"content-length":
        if not value.isdigit() or len(value) > 18 or head.length not in {None, int(value)}:
            raise MalformedResponse("Content-Length is not one number")
        head.length = int(value)
    elif value.lower() != b"chunked" or head.is_chunked or head.minor_version == 0:
        raise MalformedResponse("a Transfer-Encoding other than chunked")
    else:
        head.is_chunked = True


def body_of(head: Head, method: bytes) -> Body:
    """How the body after ``head`` is framed (RFC 9112 section 6.3)."""
    if method == b"HEAD" or head.status in {204, 304}:
        return LengthBody(0)
    if head.is_chunked:
        return ChunkedBody()
    if head.length is not None:
        return LengthBody(head.length)
    head.is_close = True
    return CloseBody()


class LengthBody:
    """A body of a length known beforehand."""

    __slots__ = ("_left", "is_done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_done = length == 0

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


class CloseBody:
    """A body that lasts as long as the connection."""

    __slots__ = ("is_done",)

    def __init__(self) -> None:
        self.is_done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """All of it is payload."""
        return data, b""

    def end(self) -> None:
        """The end of the connection is the end of the body."""
        self.is_done = True


class ChunkedBody:
    """A chunked body (RFC 9112 section 7.1); extensions and trailers are read over, within bounds."""

    __slots__ = ("_buffer", "_is_in_trailer", "_left", "_trailer_size", "is_done")

    def __init__(self) -> None:
        self.is_done = False
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

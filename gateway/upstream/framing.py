"""Where a response begins and ends (RFC 9112), decided in pure code without a socket.

Strict on purpose: a byte stream that two parsers could cut differently is a protocol error here, since
whatever follows it on the connection would be taken for the answer to somebody else's request.
"""

import re
from functools import lru_cache
from math import inf

LONGEST_HEAD = 65_536

# No control characters anywhere, CR and LF apart from each other among them: header injection otherwise.
# An empty name, white space before the colon and obsolete folding are no header lines either.
_TEXT = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: " + _TEXT + rb")?")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(" + _TEXT + rb")")

Headers = list[tuple[bytes, bytes]]


class MalformedResponse(Exception):
    """The upstream's bytes are not one well-formed HTTP/1.1 response."""


class ResponseHead:
    """A response's status line and header section; names in lower case, in the order received."""

    __slots__ = (
        "headers",
        "is_chunked",
        "is_close",
        "keep_alive_seconds",
        "length",
        "minor_version",
        "status",
    )

    def __init__(self, status: int, headers: Headers, minor_version: int) -> None:
        self.status = status
        self.headers = headers
        self.minor_version = minor_version
        self.length: int | None = None  # Content-Length
        self.is_chunked = False
        self.is_close = minor_version == 0  # the upstream ends the connection after this response
        # How long it says that it keeps the connection (RFC 2068 section 19.7.1.1).
        self.keep_alive_seconds = inf


def parse_head(block: bytes) -> ResponseHead:
    """The head in ``block``, which ends before the empty line; raises MalformedResponse."""
    start, *lines = block.split(b"\r\n")
    minor, status = _parse_start(start)
    fields = [_known_lines.get(line) or _parse_line(line) for line in lines]
    head = ResponseHead(status, fields, minor)
    for name, value in fields:
        if name in _FRAMING:
            _note_framing(head, name, value)
    if head.is_chunked and head.length is not None:
        raise MalformedResponse("both Transfer-Encoding and Content-Length")  # RFC 9112 section 6.3
    return head


@lru_cache(maxsize=64)
def _parse_start(line: bytes) -> tuple[int, int]:
    """The minor version and the status."""
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise MalformedResponse("no HTTP/1.1 status line")
    return int(match[1]), int(match[2])


def _with_one_length(fields: Headers) -> Headers:
    """The same length twice is one (RFC 9110 section 8.6), but some clients refuse to read it twice."""
    first = next(index for index, field in enumerate(fields) if field[0] == b"content-length")
    return [field for index, field in enumerate(fields) if index == first or field[0] != b"content-length"]


# Most lines of a service's answers are the same each time.
_known_lines: dict[bytes, tuple[bytes, bytes]] = {}
# Lines that are different each time, or that nobody should find in our memory.
_EVER_NEW = frozenset(b"set-cookie etag last-modified location x-request-id traceparent".split())
MOST_KNOWN_LINES = 2048
LONGEST_KNOWN_LINE = 128


def _parse_line(line: bytes) -> tuple[bytes, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedResponse("a header line that is none")
    pair = (match[1].lower(), match[2].strip(b" \t"))
    if len(line) <= LONGEST_KNOWN_LINE and pair[0] not in _EVER_NEW:
        if len(_known_lines) >= MOST_KNOWN_LINES:
            _known_lines.clear()
        _known_lines[line] = pair
    return pair


_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection", b"keep-alive"})
_KEPT = re.compile(rb"(?:^|[,;\s])timeout\s*=\s*([0-9]{1,6})(?:[,;\s]|$)", re.IGNORECASE)


def _note_framing(head: ResponseHead, name: bytes, value: bytes) -> None:
    if name == b"connection":
        # Not by ``in``, which costs Python a TypeError that nobody sees: it takes bytes for a number first.
        head.is_close = head.is_close or value.lower().find(b"close") >= 0
    elif name == b"keep-alive":
        kept = _KEPT.search(value)
        head.keep_alive_seconds = float(kept[1]) if kept else inf
    elif name == b"content-length":
        length = int(value) if value.isdigit() and len(value) <= 18 else None
        if length is None or (head.length is not None and head.length != length):
            raise MalformedResponse("Content-Length is not one number")
        if head.length is not None:
            head.headers = _with_one_length(head.headers)
        head.length = length
    elif value.lower() != b"chunked" or head.is_chunked or head.minor_version == 0:
        raise MalformedResponse("a Transfer-Encoding other than chunked")
    else:
        head.is_chunked = True

"""Where a response begins and ends (RFC 9112), decided in pure code without a socket.

Strict on purpose: a byte stream that two parsers could cut differently is a protocol error here, since
whatever follows it on the connection would be taken for the answer to somebody else's request.
"""

import re
from dataclasses import dataclass

LONGEST_HEAD = 65_536

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: [^\r\n]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Control characters, and a CR or an LF that is not half of a line end: header injection otherwise.
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n")

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

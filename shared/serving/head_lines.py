"""The lines of a response's head, made once and kept; a line end inside of one would make it two."""

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from shared.serving.messages import RawHeaders

SERVER = b"server: doorward"
MOST_NAMES = 2_048

# As numbers: to look for one byte in others as bytes costs Python a TypeError that nobody sees.
_CR, _LF = b"\r\n"
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")


class MalformedHead(Exception):
    """Somebody put a line end, or what is no name, into a header field."""


def head(status: int, fields: Iterable[tuple[bytes, bytes]], own: list[bytes]) -> bytes:
    """The head of ``fields`` and the server's ``own`` lines, which end without a line end.

    Raises MalformedHead for a name that is none, and for a line that is two (response splitting).
    """
    lines = [_prefixes[name] + value for name, value in fields]
    lines += own
    written = b"".join(lines)
    if _CR in written or _LF in written or 0 in written:
        raise MalformedHead
    return b"\r\n".join((_status_lines[status], *lines, b"", b""))


def switching_head(fields: RawHeaders) -> bytes:
    """The head of a 101, behind which HTTP ends; raises MalformedHead."""
    return head(101, fields, [SERVER, date()])


class _StatusLines(dict[int, bytes]):
    def __missing__(self, status: int) -> bytes:
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        line = self[status] = f"HTTP/1.1 {status} {phrase}".encode()
        return line


class _Prefixes(dict[bytes, bytes]):
    """The beginnings of header lines by name."""

    def __missing__(self, name: bytes) -> bytes:
        if _NAME.fullmatch(name) is None:
            raise MalformedHead
        if len(self) >= MOST_NAMES:
            self.clear()  # else one service could fill it for good
        line = self[name] = name + b": "
        return line


class _Date:
    """The Date line of now, without a line end, made once a second (RFC 9110 section 6.6.1)."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def __call__(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._line = second, f"date: {formatdate(second, usegmt=True)}".encode()
        return self._line


_status_lines = _StatusLines()
_prefixes = _Prefixes()
date = _Date()

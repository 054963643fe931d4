"""The lines of a response's head, made once and kept; a line end inside of one would make it two."""

import re
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from shared.serving.messages import RawHeaders

SERVER = b"server: doorward\r\n"
MOST_NAMES = 2_048

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")


class MalformedHead(Exception):
    """Somebody put a line end, or what is no name, into a header field."""


def date() -> bytes:
    """The Date line of now (RFC 9110 section 6.6.1)."""
    return _date.line()


def head(status: int, fields: Iterable[tuple[bytes, bytes]], own: list[bytes]) -> bytes:
    """The head of ``fields`` and the server's ``own`` lines.

    Raises MalformedHead for a name that is none, and for a line that is two (response splitting).
    """
    pieces: list[bytes] = []
    for name, value in fields:
        pieces += (_prefixes[name], value, b"\r\n")
    joined = b"".join((_status_lines[status], *pieces, *own, b"\r\n"))
    count = len(pieces) // 3 + len(own) + 2
    if joined.count(b"\r") != count or joined.count(b"\n") != count or b"\0" in joined:
        raise MalformedHead
    return joined


def switching_head(fields: RawHeaders) -> bytes:
    """The head of a 101, behind which HTTP ends; raises MalformedHead."""
    return head(101, fields, [SERVER, date()])


class _StatusLines(dict[int, bytes]):
    def __missing__(self, status: int) -> bytes:
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = ""
        line = self[status] = f"HTTP/1.1 {status} {phrase}\r\n".encode()
        return line


class _Prefixes(dict[bytes, bytes]):
    """The beginnings of header lines by name."""

    def __missing__(self, name: bytes) -> bytes:
        if _NAME.fullmatch(name) is None:
            raise MalformedHead
        if len(self) < MOST_NAMES:
            self[name] = name + b": "
        return name + b": "


class _Date:
    """The Date line, made once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._line = second, f"date: {formatdate(second, usegmt=True)}\r\n".encode()
        return self._line


_status_lines = _StatusLines()
_prefixes = _Prefixes()
_date = _Date()

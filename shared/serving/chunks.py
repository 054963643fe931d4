"""A chunked body (RFC 9112 section 7.1), cut into its pieces by llhttp."""

from typing import Any

import httptools

_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
# The last chunk and its trailers end with this. llhttp does not tell where, so it sees one at a time.
_END = b"\r\n\r\n"
# Sizes, extensions and trailers between two pieces of the body.
MOST_BETWEEN = 65_536


class MalformedChunks(Exception):
    """The bytes are no chunked body."""


class Chunks:
    """The body of one request."""

    __slots__ = ("_between", "_is_over", "_parser", "_pieces", "_tail")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._between = 0
        self._tail = b""  # the last bytes of before, in which an end may have begun
        self._is_over = False
        self._parser: Any = httptools.HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def on_body(self, piece: bytes) -> None:
        """llhttp has found a piece."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """llhttp has found the end."""
        self._is_over = True

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """What ``data`` holds of the body, and what follows if it has ended; raises MalformedChunks."""
        fed = 0
        while fed < len(data) and not self._is_over:
            end = self._end_of_part(data, fed)
            try:
                self._parser.feed_data(data[fed:end])
            except httptools.HttpParserError as error:
                raise MalformedChunks from error
            self._tail = (self._tail + data[max(fed, end - 3) : end])[-3:]
            fed = end
        pieces, self._pieces = self._pieces, []
        self._between = 0 if pieces else self._between + fed
        if self._between > MOST_BETWEEN:
            raise MalformedChunks
        if not self._is_over:
            return b"".join(pieces), None
        self._parser = None  # it knows us: a circle that the collector would have to find
        return b"".join(pieces), data[fed:]

    def _end_of_part(self, data: bytes, start: int) -> int:
        """Up to where llhttp may look: behind the next four bytes that may be the end."""
        tail = self._tail
        straddling = (tail + data[start : start + 3]).find(_END)
        if straddling >= 0:
            return start + straddling + len(_END) - len(tail)
        end = data.find(_END, start)
        return len(data) if end < 0 else end + len(_END)

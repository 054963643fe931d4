"""The head of a request: parsed by llhttp (httptools), refused where programs read it in two ways."""

import re
from typing import Any

import httptools

from shared.serving.messages import RawHeaders
from shared.serving.options import Options

# llhttp takes several spaces between the parts, HTTP/0.9 and HTTP/2.0.
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/([0-9])\.([0-9])\r\n")
_FRAMING = frozenset({b"content-length", b"transfer-encoding"})
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#@]+)([/?].*)?")
_END = b"\r\n\r\n"
_MINORS = frozenset({b"0", b"1"})
# As a number: to look for one byte in others as bytes costs Python a TypeError that nobody sees.
_UNDERSCORE = ord("_")


class Refused(Exception):
    """The bytes are no request that is served here."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Head:
    """What a head says."""

    __slots__ = (
        "expects_continue",
        "fields",
        "has_query",
        "has_upgrade",
        "http_version",
        "keeps_alive",
        "length",
        "method",
        "query",
        "raw_path",
    )

    def __init__(self, method: str, target: bytes, fields: RawHeaders, found: dict[bytes, bytes]) -> None:
        self.method = method
        self.raw_path, mark, self.query = target.partition(b"?")
        self.has_query = bool(mark)
        self.fields = fields
        self.has_upgrade = b"upgrade" in found  # whether another protocol is offered
        self.http_version = "1.1"
        self.keeps_alive = True
        self.length: int | None = 0  # of the body; None: chunked
        self.expects_continue = False


def find_end(data: bytes | bytearray, *, known: int, options: Options) -> int:
    """Where the head at the start of ``data`` ends, -1 if it is not there; raises Refused if too long.

    The first ``known`` bytes have been looked at before.
    """
    end = data.find(_END, known - 3 if known > 3 else 0)
    size = len(data) if end < 0 else end
    if size > options.longest_line and data.find(b"\r\n", 0, options.longest_line + 2) < 0:
        raise Refused(414)
    if size > options.longest_head:
        raise Refused(431)
    return end + len(_END) if end >= 0 else -1


class _Collected:
    """What llhttp reports."""

    __slots__ = ("fields", "is_complete", "keeps_alive", "parser")

    def __init__(self) -> None:
        self.fields: RawHeaders = []
        self.is_complete = self.keeps_alive = False
        self.parser: Any = httptools.HttpRequestParser(self)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.is_complete = True
        self.keeps_alive = self.parser.should_keep_alive()


def read(data: bytes, options: Options) -> Head:
    """What the whole head ``data`` says; raises Refused."""
    match = _REQUEST_LINE.match(data)
    if match is None:
        raise Refused(400)
    method, target, major, minor = match.groups()
    if major != b"1" or minor not in _MINORS:
        raise Refused(505)
    collected = _parsed(data, method)
    fields = collected.fields
    is_newest = minor == b"1"
    found = dict(fields)
    _check(found, fields, len(data), is_newest=is_newest, options=options)
    if not target.startswith(b"/"):
        target, fields = _located(method, target, fields)
    if _UNDERSCORE in data and _UNDERSCORE in b"".join(found):
        # X_User and X-User are one name to whoever maps names to variables, as WSGI does.
        fields = [field for field in fields if _UNDERSCORE not in field[0]]
    read = Head(method.decode(), target, fields, found)
    read.http_version = "1.1" if is_newest else "1.0"
    read.keeps_alive = is_newest and collected.keeps_alive
    if not _FRAMING.isdisjoint(found):
        read.length = _length(found, is_newest=is_newest)
    read.expects_continue = b"expect" in found and _expects(found, is_newest=is_newest)
    return read


def _parsed(data: bytes, method: bytes) -> _Collected:
    collected = _Collected()
    try:
        collected.parser.feed_data(data)  # which refuses control characters, too
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserInvalidMethodError as error:
        raise Refused(501) from error
    except httptools.HttpParserError as error:
        raise Refused(400) from error
    finally:
        collected.parser = (
            None  # it knows us: a circle that the collector would have to find, for each request
        )
    if method == b"CONNECT":
        raise Refused(501)
    if not collected.is_complete:
        raise Refused(400)
    return collected


def _located(method: bytes, target: bytes, fields: RawHeaders) -> tuple[bytes, RawHeaders]:
    """The target in origin form or ``*``, and the fields with the Host that it names (RFC 9112, 3.2)."""
    if target == b"*" and method == b"OPTIONS":
        return target, fields
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise Refused(400)
    rest = match[2] or (b"*" if method == b"OPTIONS" else b"/")
    if rest.startswith(b"?"):
        rest = b"/" + rest
    return rest, [(name, match[1] if name == b"host" else value) for name, value in fields]


def _check(
    found: dict[bytes, bytes], fields: RawHeaders, size: int, *, is_newest: bool, options: Options
) -> None:
    longest = options.longest_line
    if len(fields) > options.most_fields:
        raise Refused(431)
    if size > longest and any(len(name) + len(value) > longest for name, value in fields):
        raise Refused(431)
    if is_newest and b"host" not in found:
        raise Refused(400)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        if any(names.count(name) > 1 for name in (b"host", b"content-length", b"transfer-encoding")):
            raise Refused(400)


def _length(found: dict[bytes, bytes], *, is_newest: bool) -> int | None:
    coding = found.get(b"transfer-encoding")
    if coding is None:
        length = found.get(b"content-length", b"0")
        if not length.isdigit() or len(length) > 18:
            raise Refused(400)
        return int(length)
    if not is_newest or b"content-length" in found:
        raise Refused(400)
    if coding.lower() != b"chunked":
        raise Refused(501)
    return None


def _expects(found: dict[bytes, bytes], *, is_newest: bool) -> bool:
    if not is_newest:
        return False
    if found[b"expect"].lower() != b"100-continue":
        raise Refused(417)
    return True

"""The head of an ordinary request, read in one look.

Taken is only what nobody reads in two ways: a whole HTTP/1.1 head in origin form, with a body of a plain
length or none. All else is left to gunicorn's parser, which judges it; what is taken is read as it does.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

Field = tuple[bytes, bytes]

EMPTY_QUERY = "doorward.empty_query"

# Below every limit that gunicorn sets on lines and fields, so that it decides what is too long.
LONGEST = 4_000
MOST_LINES = 60

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_REQUEST_LINE = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1")
# Names without an underscore (gunicorn drops those); values of visible characters, blanks and obs-text.
_LINE = re.compile(rb"([!#$%&'*+.^`|~0-9A-Za-z-]+):([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile(rb"[0-9]{1,15}")
# They say that this is no ordinary request.
_UNUSUAL = frozenset({b"transfer-encoding", b"expect", b"upgrade"})

MOST_KNOWN_LINES = 4_096
LONGEST_KNOWN_LINE = 1_024
# The lines of a client's requests are mostly those of its last one.
_known_lines: dict[bytes, Field] = {}


class Ordinary(NamedTuple):
    """What was read."""

    scope: dict[str, Any]  # of ASGI, as far as a head says it
    length: int  # of the body
    rest: bytes  # what came behind the head


def read(data: bytes) -> Ordinary | None:
    """The request whose head begins ``data``; None if it is not ordinary, or not there to its end."""
    end = data.find(b"\r\n\r\n", 0, LONGEST)
    if end < 0:
        return None
    line, *lines = data[:end].split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(line)
    if match is None or len(lines) > MOST_LINES:
        return None
    method = _METHODS.get(match[1])
    fields = [_known_lines.get(line) or _read_line(line) for line in lines]
    if method is None or None in fields:
        return None
    found: dict[bytes, bytes] = dict(fields)  # type: ignore[arg-type]  # None is not in it
    if b"host" not in found or (len(found) < len(fields) and not _are_single(fields)):
        return None
    path, mark, query = match[2].partition(b"?")
    scope = {
        "method": method,
        "path": _text(path),
        "raw_path": path,
        "query_string": query,
        # ASGI cannot tell ``/x?`` from ``/x``, and a service may.
        EMPTY_QUERY: bool(mark) and not query,
        "headers": fields,
    }
    return Ordinary(scope, int(found.get(b"content-length", 0)), data[end + 4 :])


def _read_line(line: bytes) -> Field | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name, value = match[1].lower(), match[2].strip(b" \t")
    if name in _UNUSUAL or (name == b"connection" and value.lower() != b"keep-alive"):
        return None
    if name == b"content-length" and _LENGTH.fullmatch(value) is None:
        return None
    if len(line) <= LONGEST_KNOWN_LINE:
        if len(_known_lines) >= MOST_KNOWN_LINES:
            _known_lines.clear()
        _known_lines[line] = (name, value)
    return name, value


def _are_single(fields: list[Field | None]) -> bool:
    """Whether no field stands twice that may stand once only (RFC 9110 section 5.3)."""
    names = [field[0] for field in fields if field]
    return all(names.count(name) <= 1 for name in (b"host", b"content-length", b"content-type"))


def _text(path: bytes) -> str:
    return (unquote_to_bytes(path) if b"%" in path else path).decode("utf-8", errors="replace")

"""Requests in a row, and requests in pieces, on the wire: what may reach the service, and in which order.

A client may send its next requests before it has read an answer (RFC 9112 section 9.3.2), and it may send
them as slowly as it likes within its time. Neither may make one request of two, or two of one.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.gateway.corpus import HOST, PATH

HIDDEN = "/api/v1/users/smuggled"


@dataclass(frozen=True)
class Sequence:
    """What one client sends, piece by piece, before it closes its direction."""

    name: str
    pieces: tuple[bytes, ...]
    targets: tuple[str, ...]  # that reach the service, in this order, and no others
    statuses: tuple[int, ...]  # of the answers

    @property
    def is_welcome(self) -> bool:
        """Whether all of it is as RFC 9112 wants it, so that every proxy has to pass it on."""
        return set(self.statuses) <= {200} and len(self.targets) == len(self.statuses)


def _get(number: int, fields: str = "", *, version: str = "1.1", method: str = "GET") -> bytes:
    return f"{method} {PATH}/{number} HTTP/{version}\r\n{HOST}{fields}\r\n".encode()


def _post(number: int, fields: str, body: bytes) -> bytes:
    return _get(number, fields, method="POST") + body


def _at(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{PATH}/{number}" for number in numbers)


SIZED = _post(1, "Content-Length: 3\r\n", b"abc")
CHUNKED = _post(1, "Transfer-Encoding: chunked\r\n", b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n")
TRAILED = _post(1, "Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")
UPGRADE = "Connection: Upgrade\r\nUpgrade: {}\r\nSec-WebSocket-Version: 13\r\n"
SECRET = f"GET {HIDDEN} HTTP/1.1\r\n{HOST}\r\n".encode()

# Whole requests, each with what may follow it: (name, bytes, whether it ends the row, its status).
FIRST: list[tuple[str, bytes, int, bool]] = [
    ("a plain one", _get(1), 200, False),
    ("a HEAD", _get(1, method="HEAD"), 200, False),
    ("a body with a length", SIZED, 200, False),
    ("a body in chunks", CHUNKED, 200, False),
    ("a body with a trailer", TRAILED, 200, False),
    ("an empty body", _post(1, "Content-Length: 0\r\n", b""), 200, False),
    ("an ignored offer", _get(1, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), 200, False),
    ("one that says close", _get(1, "Connection: close\r\n"), 200, True),
    ("one that says close in a list", _get(1, "Connection: x-a, Close\r\n"), 200, True),
    ("HTTP/1.0", _get(1, version="1.0"), 200, True),
    ("an unknown path", f"GET /nowhere HTTP/1.1\r\n{HOST}\r\n".encode(), 404, False),
]
REFUSED: list[tuple[str, bytes, int]] = [
    ("no request at all", b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
    ("a blank in a name", _get(1, "X : y\r\n"), 400),
    ("a folded line", _get(1, "X: y\r\n z\r\n"), 400),
    ("two lengths", _post(1, "Content-Length: 3\r\nContent-Length: 4\r\n", b"abc"), 400),
    ("length and chunks", _post(1, "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
    ("a chunk size that is none", _post(1, "Transfer-Encoding: chunked\r\n", b"g\r\nabc\r\n0\r\n\r\n"), 400),
    (
        "a chunk longer than it says",
        _post(1, "Transfer-Encoding: chunked\r\n", b"2\r\nabc\r\n0\r\n\r\n"),
        400,
    ),
    ("another coding", _post(1, "Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501),
    ("no host", f"GET {PATH}/1 HTTP/1.1\r\n\r\n".encode(), 400),
    ("two hosts", _get(1, HOST), 400),
    ("HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("a tunnel", f"CONNECT localhost:443 HTTP/1.1\r\n{HOST}\r\n".encode(), 501),
]


def _in_a_row() -> Iterator[Sequence]:
    """A second request right behind the first, in the same segment."""
    for name, first, status, is_last in FIRST:
        reached = _at(1) if status == 200 else ()
        follows, answers = ((), (status,)) if is_last else (_at(2), (status, 200))
        yield Sequence(f"row: after {name}", (first + _get(2),), (*reached, *follows), answers)
    for name, first, status in REFUSED:
        yield Sequence(f"row: after {name}", (first + SECRET,), (), (status,))
        yield Sequence(f"row: {name} as the second", (_get(1) + first + SECRET,), _at(1), (200, status))
    yield Sequence("row: thirty", (b"".join(map(_get, range(30))),), _at(*range(30)), (200,) * 30)
    yield Sequence("row: bodies in turn", (SIZED + CHUNKED + SIZED + _get(2),), _at(1, 1, 1, 2), (200,) * 4)
    yield Sequence("row: an empty line between", (_get(1) + b"\r\n" + _get(2),), _at(1, 2), (200, 200))
    yield Sequence(
        "row: a request as a body", (_post(1, f"Content-Length: {len(SECRET)}\r\n", SECRET),), _at(1), (200,)
    )
    yield Sequence("row: a handshake", (_get(1, UPGRADE.format("websocket")) + SECRET,), (), (501,))
    yield Sequence(
        "row: a body that nobody takes",
        (f"POST /nowhere HTTP/1.1\r\n{HOST}Content-Length: {len(SECRET)}\r\n\r\n".encode() + SECRET,),
        (),
        (404,),
    )


def _in_bytes(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + 1] for at in range(len(data)))


def _in_halves(data: bytes, at: int) -> tuple[bytes, bytes]:
    return data[:at], data[at:]


def _slowly() -> Iterator[Sequence]:
    """The same, in pieces that end anywhere."""
    for name, first, status, is_last in FIRST:
        follows, answers = ((), (status,)) if is_last else (_at(2), (status, 200))
        reached = _at(1) if status == 200 else ()
        yield Sequence(
            f"slow: {name}, byte by byte", (*_in_bytes(first), _get(2)), (*reached, *follows), answers
        )
    for name, first, status in REFUSED:
        yield Sequence(f"slow: {name}, byte by byte", (*_in_bytes(first), SECRET), (), (status,))
    row = SIZED + CHUNKED + _get(2)
    for at in range(5, len(row), 23):
        yield Sequence(f"slow: a row in two at {at}", _in_halves(row, at), _at(1, 1, 2), (200,) * 3)
    for end in (b"\r\n\r\n", b"\r\n0\r\n"):
        at = CHUNKED.rindex(end) + 2
        yield Sequence(f"slow: a pause in {end!r}", _in_halves(CHUNKED, at), _at(1), (200,))


def _broken_off() -> Iterator[Sequence]:
    """Clients that leave in the middle: nothing of it may reach a service, or pass for something else."""
    for name, data in (
        ("a request line", f"GET {PATH}/1".encode()),
        ("a head", _get(1)[:-2]),
        ("a head with the end of another", _get(1)[:-4]),
        ("a body with a length", SIZED[:-1]),
        ("a body in chunks", CHUNKED[:-5]),
        ("a body before its last line", CHUNKED[:-2]),
        ("a trailer", TRAILED[:-2]),
        ("a body that has not begun", SIZED[:-3]),
    ):
        yield Sequence(f"broken off: {name}", (data,), (), ())
        yield Sequence(f"broken off: {name}, as the second", (_get(2) + data,), _at(2), (200,))


SEQUENCES = [*_in_a_row(), *_slowly(), *_broken_off()]

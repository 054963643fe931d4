"""Load from several processes over kept-alive connections: answers a second, and how slow the slowest.

The clients share the cores with what is measured, so they do little: a socket each, and no HTTP library.
"""

import json
import math
import multiprocessing
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

# Does one request with what the last one left, and leaves something for the next.
Call = Callable[["Connection", Any], Any]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)

BUSY_SECONDS = 0.05  # before a client that was answered 503 without Retry-After tries again
START_SECONDS = 0.3  # until when every client is ready


class Busy(Exception):
    """The answer was 503; ``seconds`` is when to come back, of its Retry-After (RFC 9110, 10.2.3)."""

    def __init__(self, head: bytes) -> None:
        super().__init__(head)
        found = _RETRY_AFTER.search(head)
        self.seconds = float(found[1]) if found else BUSY_SECONDS


class Connection:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._come = b""  # what has come of the next answer

    def get(self, path: str, headers: dict[str, str]) -> Any:
        """GET; the JSON that is answered. Raises where the answer is not 200."""
        return json.loads(self._exchange("GET", path, b"", headers))

    def read(self, path: str, headers: dict[str, str], *, status: int = 200) -> bytes:
        """GET; the body that is answered. Raises where the answer has another status."""
        return self._exchange("GET", path, b"", headers, status=status)

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        """POST JSON; the JSON that is answered. Raises where the answer is not 200."""
        content = {"Content-Type": "application/json", **(headers or {})}
        return json.loads(self._exchange("POST", path, json.dumps(body).encode(), content))

    def post_form(self, path: str, body: str, headers: dict[str, str]) -> Any:
        """POST a form; the JSON that is answered. Raises where the answer is not 200."""
        content = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return json.loads(self._exchange("POST", path, body.encode(), content))

    def close(self) -> None:
        """Let the connection go."""
        self._socket.close()

    def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str], *, status: int = 200
    ) -> bytes:
        self._socket.sendall(_head(method, path, len(body), tuple(headers.items())) + body)
        head = self._read_until(b"\r\n\r\n")
        answer = self._read_body(head)
        answered = int(head[9:12])
        if answered == 503:
            raise Busy(head)
        if answered != status:
            raise RuntimeError(f"{path} answered {answered}: {answer[:200]!r}")
        return answer

    def _read_body(self, head: bytes) -> bytes:
        found = _LENGTH.search(head)
        if found is not None:
            return self._read(int(found[1]))
        return self._read_chunks() if _CHUNKED.search(head) else b""

    def _read_chunks(self) -> bytes:
        chunks = []
        while (size := int(self._read_until(b"\r\n"), 16)) > 0:
            chunks.append(self._read(size))
            self._read_until(b"\r\n")
        self._read_until(b"\r\n")
        return b"".join(chunks)

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._come:
            self._receive()
        found, _, self._come = self._come.partition(end)
        return found

    def _read(self, size: int) -> bytes:
        while len(self._come) < size:
            self._receive()
        found, self._come = self._come[:size], self._come[size:]
        return found

    def _receive(self) -> None:
        received = self._socket.recv(262_144)
        if not received:
            raise ConnectionError("the server has ended the connection")
        self._come += received


@lru_cache(4096)
def _head(method: str, path: str, length: int, headers: tuple[tuple[str, str], ...]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


class Load:
    """One call under measurement: as many clients as there are ``states``, which live on between turns."""

    def __init__(self, url: str, call: Call, states: list[Any]) -> None:
        self._url = url
        self._call = call
        self._states = states
        self.rates: list[float] = []
        self.busy = 0  # how often the answer was 503
        self._seconds: list[float] = []

    def run(self, seconds: float, *, is_counted: bool = True) -> None:
        """One turn: every client in a process of its own until the time is over."""
        begin = time.monotonic() + START_SECONDS
        with multiprocessing.get_context("fork").Pool(len(self._states)) as pool:
            turns = [_Turn(self._url, self._call, state, begin, begin + seconds) for state in self._states]
            found = pool.map(_run, turns, chunksize=1)
        self._states = [state for state, _, _ in found]
        if is_counted:
            times = [each for _, times, _ in found for each in times]
            self.busy += sum(busy for _, _, busy in found)
            self.rates.append(len(times) / seconds)
            self._seconds += times

    @property
    def per_second(self) -> float:
        """Answers a second: the median of the turns."""
        return median(self.rates)

    @property
    def median_ms(self) -> float:
        """How long an answer took, in the median of all turns; not a number where none came."""
        return median(self._seconds or [math.nan]) * 1000

    @property
    def p99_ms(self) -> float:
        """How long the slowest of a hundred took; not a number where fewer than two came."""
        return quantiles(self._seconds, n=100)[98] * 1000 if len(self._seconds) > 1 else math.nan


@dataclass(frozen=True)
class Contestant:
    """A server that is measured: its calls by name, and the group of its processes."""

    loads: dict[str, Load]
    group: int


@dataclass(frozen=True)
class _Turn:
    url: str
    call: Call
    state: Any
    begin: float
    end: float


def _run(turn: _Turn) -> tuple[Any, list[float], int]:
    connection = Connection(turn.url)
    state, times, busy = turn.state, [], 0
    time.sleep(max(0.0, turn.begin - time.monotonic()))
    while (begun := time.monotonic()) < turn.end:
        try:
            state = turn.call(connection, state)
        except Busy as refusal:
            busy += 1
            time.sleep(max(0.0, min(refusal.seconds, turn.end - time.monotonic())))
            continue
        ended = time.monotonic()
        if ended <= turn.end:
            times.append(ended - begun)
    connection.close()
    return state, times, busy

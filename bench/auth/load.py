"""Load from several processes over kept-alive connections: answers a second, and how slow the slowest.

The clients share the cores with what is measured, so they do little: a socket each, and no HTTP library.
"""

import json
import multiprocessing
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

# Does one request with what the last one left, and leaves something for the next.
Call = Callable[["Connection", Any], Any]

BUSY_SECONDS = 0.05  # before a client that was answered 503 tries again
START_SECONDS = 0.3  # until when every client is ready


class Busy(Exception):
    """The answer was 503."""


class Connection:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answers = self._socket.makefile("rb")

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
        self._answers.close()
        self._socket.close()

    def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str], *, status: int = 200
    ) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        answered = int(self._answers.readline().split(maxsplit=2)[1])
        answer = self._read_body()
        if answered == 503:
            raise Busy
        if answered != status:
            raise RuntimeError(f"{path} answered {answered}: {answer[:200]!r}")
        return answer

    def _read_body(self) -> bytes:
        length = 0
        is_chunked = False
        while (line := self._answers.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            is_chunked |= line.startswith(b"transfer-encoding:") and line.endswith(b"chunked")
        return self._read_chunks() if is_chunked else self._answers.read(length)

    def _read_chunks(self) -> bytes:
        chunks = []
        while (size := int(self._answers.readline(), 16)) > 0:
            chunks.append(self._answers.read(size))
            self._answers.readline()
        self._answers.readline()
        return b"".join(chunks)


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
        """How long an answer took, in the median of all turns."""
        return median(self._seconds) * 1000

    @property
    def p99_ms(self) -> float:
        """How long the slowest of a hundred took."""
        return quantiles(self._seconds, n=100)[98] * 1000


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
        except Busy:
            busy += 1
            time.sleep(BUSY_SECONDS)
            continue
        ended = time.monotonic()
        if ended <= turn.end:
            times.append(ended - begun)
    connection.close()
    return state, times, busy

"""Load from several processes over kept-alive connections: answers a second, and how slow the slowest."""

import json
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

Call = Callable[["Connection", Any], Any]  # does one request with what the last one left, leaves something


class Connection:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._http = HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def post(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        """POST JSON; raises where the answer is not 200."""
        content = {"Content-Type": "application/json", **(headers or {})}
        return self.send(path, json.dumps(body), content)

    def send(self, path: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        """POST text; raises where the answer is not 200."""
        self._http.request("POST", path, body, headers)
        response = self._http.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {answer[:200]!r}")
        parsed: dict[str, Any] = json.loads(answer)
        return parsed


@dataclass(frozen=True)
class Rate:
    """What was measured."""

    per_second: float
    median_ms: float
    p99_ms: float

    def __str__(self) -> str:
        return f"{self.per_second:8.0f}/s  median {self.median_ms:6.1f} ms  p99 {self.p99_ms:6.1f} ms"


def measure(url: str, call: Call, starts: list[Any], *, seconds: float) -> Rate:
    """Run ``call`` in a process for each of ``starts`` until the time is over."""
    with multiprocessing.get_context("fork").Pool(len(starts)) as pool:
        arguments = [(url, call, start, seconds) for start in starts]
        found = pool.starmap(_run, arguments, chunksize=1)
    times = [each for times in found for each in times]
    cuts = quantiles(times, n=100)
    return Rate(len(times) / seconds, cuts[49] * 1000, cuts[98] * 1000)


def _run(url: str, call: Call, state: Any, seconds: float) -> list[float]:
    connection = Connection(url)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        state = call(connection, state)
        times.append(time.perf_counter() - begun)
    return times

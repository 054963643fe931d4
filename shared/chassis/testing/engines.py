"""What a running server of a test is, wherever it runs: an address, and a hand on its process."""

import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from itertools import cycle
from typing import Any, Protocol, Self

START_SECONDS = 60.0
PORTS = range(15_000, 32_000)  # Linux gives out 32768 and up, other systems 49152 and up (RFC 6335, 6)
WORKERS = 16  # of pytest-xdist, between which the ports are divided


@dataclass(frozen=True)
class Address:
    """Where a server answers, and the password of its administrator (empty: none is asked for)."""

    host: str
    port: int
    password: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The address as plain values, for a pytest-xdist worker."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The address that ``as_dict`` described."""
        return cls(**values)


class Engine(Protocol):
    """One server process or container. Its address, the port included, outlives a restart."""

    @property
    def address(self) -> Address:
        """Where the server answers while it runs."""

    def start(self) -> None:
        """Start, or start again with what was stored before; returns when it answers."""

    def stop(self) -> None:
        """Stop in order: what was stored is there at the next start."""

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""

    def unpause(self) -> None:
        """Go on after a pause."""

    def close(self) -> None:
        """Stop for good and leave nothing behind."""


@cache
def _candidates() -> Iterator[int]:
    """Ports for this worker of pytest-xdist alone, none twice before all were tried."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    own = list(PORTS[number % WORKERS :: WORKERS])
    begin = secrets.randbelow(len(own))  # another run on this machine begins elsewhere
    return cycle(own[begin:] + own[:begin])


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now.

    It is none of those that the system gives to outgoing connections: one of these, of whatever process,
    would take it before the server that it is meant for listens.
    """
    for port in _candidates():
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: they never end")


def wait_until(is_ready: Callable[[], bool], *, what: str, seconds: float = START_SECONDS) -> None:
    """Return as soon as ``is_ready``; raises TimeoutError that names ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not is_ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {seconds:g} seconds")
        time.sleep(0.02)

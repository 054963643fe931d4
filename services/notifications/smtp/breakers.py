"""A circuit breaker: a server that fails again and again is left alone, then tried with one message."""

import threading
import time
from collections.abc import Callable

FAILURES = 3
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 120.0


class Breaker:
    """The breaker of one server in one process. Clocks are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0
        self._is_tried = False
        self.last_error: str | None = None

    @property
    def state(self) -> str:
        """`closed` (all is well), `open` (left alone) or `half_open` (one message tries)."""
        if self._failures < FAILURES:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    def is_open(self) -> bool:
        """Whether the server is to be left alone at the moment."""
        with self._lock:
            return self._is_shut()

    def enter(self) -> bool:
        """Whether this message may try the server; while it is half open, one at a time may."""
        with self._lock:
            if self._is_shut():
                return False
            self._is_tried = self._failures >= FAILURES
            return True

    def _is_shut(self) -> bool:
        return self._failures >= FAILURES and (self._is_tried or self._clock() < self._open_until)

    def succeeded(self) -> None:
        """The server does its work."""
        with self._lock:
            self._failures, self._is_tried = 0, False

    def failed(self, error: str) -> bool:
        """The server does not do its work; whether this opened the breaker."""
        with self._lock:
            self.last_error = error
            self._failures += 1
            self._is_tried = False
            if self._failures < FAILURES:
                return False
            doubled = FIRST_PAUSE_SECONDS * 2 ** min(self._failures - FAILURES, 10)
            self._open_until = self._clock() + min(doubled, LONGEST_PAUSE_SECONDS)
            return True

    def left(self) -> None:
        """A message ended without saying anything about the server."""
        with self._lock:
            self._is_tried = False

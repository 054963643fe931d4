"""How many messages a server may be given: so many a second and so many a day, by all workers together.

Each worker takes an equal share of a second, by how many of them reported themselves lately; the day is
counted in the database.
"""

import threading
import time
from collections.abc import Callable

RECOUNT_SECONDS = 60.0


class PerSecond:
    """This worker's share: a bucket that fills with time and holds what is due in one second.

    Clocks are monotonic seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._level = max(rate, 1.0)
        self._at = clock()

    def share(self, workers: int) -> None:
        """Leave the other workers their share: there are so many with this one."""
        with self._lock:
            self._fill()
            self._rate = self._limit / max(workers, 1)
            self._level = min(self._level, max(self._rate, 1.0))

    def has_room(self) -> bool:
        """Whether one more message may go now."""
        with self._lock:
            self._fill()
            return self._level >= 1

    def take(self) -> bool:
        """Take the right to send one message, if there is one now."""
        with self._lock:
            self._fill()
            if self._level < 1:
                return False
            self._level -= 1
            return True

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(max(self._rate, 1.0), self._level + (now - self._at) * self._rate)
        self._at = now


class PerDay:
    """A count of the last day, read from the database now and then and carried on in between."""

    def __init__(
        self, limit: int, count: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._read = count
        self._clock = clock
        self._lock = threading.Lock()
        self._known = 0
        self._next = clock()

    def has_room(self) -> bool:
        """Whether one more message may go now."""
        with self._lock:
            if self._clock() >= self._next:
                self._known = self._read()
                self._next = self._clock() + RECOUNT_SECONDS
            return self._known < self._limit

    def take(self) -> bool:
        """Take the right to send one message, if there is one now."""
        if not self.has_room():
            return False
        with self._lock:
            self._known += 1
        return True

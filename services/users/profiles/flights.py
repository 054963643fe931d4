"""Flights: of many threads that miss the same profiles at once, one reads them, and the others look again.

They look into the cache again and do not take what the first one read: that may be older than their question.
"""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock


class Flights:
    """Who reads what, in one process."""

    def __init__(self) -> None:
        self._guard = Lock()
        self._under_way: dict[Hashable, tuple[Lock, int]] = {}
        self.landed = 0  # turns that are over

    @contextmanager
    def turn(self, missed: Hashable, *, landed_before: int) -> Iterator[bool]:
        """Have what was missed to oneself; whether another may have read it since that count was taken."""
        with self._guard:
            lock, readers = self._under_way.get(missed, (Lock(), 0))
            self._under_way[missed] = (lock, readers + 1)
        try:
            with lock:
                yield readers > 0 or self.landed != landed_before
        finally:
            with self._guard:
                self.landed += 1
                lock, readers = self._under_way.pop(missed)
                if readers > 1:
                    self._under_way[missed] = (lock, readers - 1)

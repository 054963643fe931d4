"""The lanes that deliveries wait in, and a worker's slots for each: what waits in one never delays another.

A slot is the right to send one delivery after the other in a thread of Celery's pool. The pool has more
threads than all lanes have slots, so that messages of other services are received whatever the lanes do.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

URGENT, NORMAL, BULK = "urgent", "normal", "bulk"
LANES = (URGENT, NORMAL, BULK)


class Slots:
    """The slots of one worker process."""

    def __init__(
        self, slots: Mapping[str, int], is_stuck: Callable[[str], bool] = lambda _lane: False
    ) -> None:
        self._lock = threading.Lock()
        self._free = dict(slots)
        self._is_stuck = (
            is_stuck  # whether all slots of a lane wait for one that is slow: then it has one more
        )

    def free(self, lane: str) -> int:
        """How many slots of ``lane`` nobody uses at the moment."""
        with self._lock:
            return max(0, self._left(lane))

    def _left(self, lane: str) -> int:
        free = self._free[lane]
        return free + 1 if free == 0 and self._is_stuck(lane) else free

    @contextmanager
    def take(self, lane: str) -> Iterator[bool]:
        """A slot of ``lane``, if there is a free one; whether there was."""
        with self._lock:
            is_free = self._left(lane) > 0
            self._free[lane] -= is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._free[lane] += is_free

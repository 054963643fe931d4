"""Work that a busy loop does now and then."""

import time


class Interval:
    """Says when it is time again, by a clock that nobody sets."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def is_over(self) -> bool:
        """Whether it is time; if so, the next interval begins."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True

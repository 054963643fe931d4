"""What the attempts of one worker are at, so that nothing that is slow takes all slots of a lane.

A server or a recipient domain is slow while an attempt at it has taken longer than a second, and until one
was quick again. While it is slow, a lane gives it all slots but one; a lane with one slot, or whose slots
were all taken before anybody knew, opens one more for everything else.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

SLOW_SECONDS = 1.0
SLOW_FOR_SECONDS = 60.0
MOST_REMEMBERED = 10_000


class Crowd:
    """The attempts in flight, by lane and by what they are at. Clocks are monotonic seconds."""

    def __init__(self, slots: Mapping[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[tuple[str, str], list[float]] = {}  # when each attempt began
        self._slow_until: dict[str, float] = {}

    def is_full_for(self, key: str, lane: str) -> bool:
        """Whether ``key`` is slow and has its share of the lane already."""
        with self._lock:
            begun = self._running.get((lane, key), [])
            return len(begun) >= max(1, self._slots[lane] - 1) and self._is_slow(key, begun)

    def _is_slow(self, key: str, begun: list[float]) -> bool:
        now = self._clock()
        return self._slow_until.get(key, 0.0) > now or any(now - each > SLOW_SECONDS for each in begun)

    def is_stuck(self, lane: str) -> bool:
        """Whether one key has as many slow attempts as the lane has slots."""
        with self._lock:
            return any(
                name == lane and len(begun) >= self._slots[lane] and self._is_slow(key, begun)
                for (name, key), begun in self._running.items()
            )

    @contextmanager
    def attempt(self, key: str, lane: str) -> Iterator[None]:
        """An attempt at ``key``, from which it is learned whether ``key`` is slow."""
        begun = self._clock()
        with self._lock:
            self._running.setdefault((lane, key), []).append(begun)
        try:
            yield
        finally:
            with self._lock:
                self._leave(key, lane, begun)

    def _leave(self, key: str, lane: str, begun: float) -> None:
        running = self._running[lane, key]
        running.remove(begun)
        if not running:
            del self._running[lane, key]
        now = self._clock()
        if now - begun <= SLOW_SECONDS:
            self._slow_until.pop(key, None)
            return
        if len(self._slow_until) >= MOST_REMEMBERED:
            self._slow_until.clear()
        self._slow_until[key] = now + SLOW_FOR_SECONDS

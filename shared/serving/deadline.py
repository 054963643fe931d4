"""A time limit that is set anew all the time and seldom reached, at the cost of a timer now and then."""

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls ``on_late`` once the limit that was set last is over.

    One timer serves many waits: setting a limit only notes it, unless the timer would come too late for it.
    A timer that comes too early is set anew for the rest.
    """

    __slots__ = ("_due_at", "_loop", "_on_late", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_late: Callable[[], None]) -> None:
        self._loop = loop
        self._on_late: Callable[[], None] | None = on_late
        self._due_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, seconds: float) -> None:
        """From now on it is late in ``seconds``."""
        self._due_at = due_at = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer_at <= due_at:
                return
            self._timer.cancel()
        self._wait_until(due_at)

    def clear(self) -> None:
        """Nothing is awaited any more."""
        self._due_at = None

    def end(self) -> None:
        """Let go of everything; it is never late again."""
        self._due_at = self._on_late = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait_until(self, due_at: float) -> None:
        self._timer_at = due_at
        self._timer = self._loop.call_at(due_at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._due_at is None or self._on_late is None:
            return
        if self._loop.time() < self._due_at:
            self._wait_until(self._due_at)
            return
        self._due_at = None
        self._on_late()

"""Whether this worker gets on: what it rings for, and whether anything answers.

A Celery worker can lose its queue and stay alive, deaf, for weeks (celery#8030, #10205). Nothing outside
sees that; so the process watches itself, and one that is stuck ends, to be started again.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """The bells and the attempts of one process. Clocks are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._running = 0
        self._unanswered_since: float | None = None

    def rang(self) -> None:
        """Bells were rung, and the broker took them."""
        with self._lock:
            if self._unanswered_since is None:
                self._unanswered_since = self._clock()

    def has_nothing_to_do(self) -> None:
        """Nothing is due, or the broker is away: silence means nothing."""
        with self._lock:
            self._unanswered_since = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """An attempt runs; the mail server's own slowness is not ours, and has timeouts of its own."""
        with self._lock:
            self._running += 1
            self._unanswered_since = None
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._unanswered_since = None

    def silent_seconds(self) -> float:
        """For how long bells have been rung without anything happening; 0 where something does."""
        with self._lock:
            if self._running or self._unanswered_since is None:
                return 0.0
            return self._clock() - self._unanswered_since

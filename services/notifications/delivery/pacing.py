"""The pace of one worker towards each recipient domain: one that puts messages off is given time.

A first temporary refusal is the message's own affair (greylisting); from the second in a row on, nothing but
urgent messages goes to the domain for five seconds, then ten and so on up to ten minutes, or as long as the
answer asks for. One message that is taken ends it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

FREE_REFUSALS = 1
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Pause:
    refusals: int = 0
    until: float = 0.0


class Paces:
    """What each domain answered lately. Clocks are monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pauses: dict[str, _Pause] = {}

    def left_seconds(self, domain: str) -> float:
        """For how long nothing but urgent messages goes to the domain."""
        with self._lock:
            pause = self._pauses.get(domain)
            return max(0.0, pause.until - self._clock()) if pause is not None else 0.0

    def put_off(self, domain: str, asked_seconds: float) -> None:
        """The domain refused a message for now, perhaps until ``asked_seconds`` are over."""
        with self._lock:
            if len(self._pauses) >= MOST_REMEMBERED:
                self._pauses.clear()
            pause = self._pauses.setdefault(domain, _Pause())
            pause.refusals += 1
            doubled = FIRST_PAUSE_SECONDS * 2 ** min(pause.refusals - FREE_REFUSALS - 1, 10)
            if pause.refusals > FREE_REFUSALS:
                seconds = min(max(doubled, asked_seconds), LONGEST_PAUSE_SECONDS)
                pause.until = max(pause.until, self._clock() + seconds)

    def took(self, domain: str) -> None:
        """The domain took a message, or refused one for good: it does its work."""
        with self._lock:
            self._pauses.pop(domain, None)

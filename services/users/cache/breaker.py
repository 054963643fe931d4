"""The breaker in front of Redis: once it did not answer in time, nobody waits for it for a while.

A short while at first: on a busy machine one late answer says little, and every profile is then read from
PostgreSQL. The rest doubles with each further failure, up to a second.
"""

from threading import Lock

FIRST_REST_SECONDS = 0.05
REST_SECONDS = 1.0


class Breaker:
    """Lets calls through, or one after each rest while they fail. The time is the caller's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rests_until = 0.0
        self._rest_seconds = FIRST_REST_SECONDS

    def admits(self, now: float) -> bool:
        """Whether to call. While calls fail, whoever is admitted first after the rest is the only one."""
        if not self._rests_until:
            return True
        with self._lock:
            if now < self._rests_until:
                return False
            self._rest_seconds = min(2 * self._rest_seconds, REST_SECONDS)
            self._rests_until = now + self._rest_seconds
            return True

    def succeeded(self) -> None:
        """The call was answered: all are let through."""
        if self._rests_until:
            self._rests_until, self._rest_seconds = 0.0, FIRST_REST_SECONDS

    def failed(self, now: float) -> None:
        """The call was not answered: the rest begins, unless it has begun already."""
        with self._lock:
            if now >= self._rests_until:
                self._rests_until = now + self._rest_seconds

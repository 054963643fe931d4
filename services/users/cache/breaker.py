"""The breaker in front of Redis: once it did not answer in time, nobody waits for it for a second."""

from threading import Lock

REST_SECONDS = 1.0


class Breaker:
    """Lets calls through, or one a second while they fail. The time is the caller's."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rests_until = 0.0

    def admits(self, now: float) -> bool:
        """Whether to call. While calls fail, whoever is admitted first after the rest is the only one."""
        if not self._rests_until:
            return True
        with self._lock:
            if now < self._rests_until:
                return False
            self._rests_until = now + REST_SECONDS
            return True

    def succeeded(self) -> None:
        """The call was answered: all are let through."""
        self._rests_until = 0.0

    def failed(self, now: float) -> None:
        """The call was not answered: the rest begins."""
        self._rests_until = now + REST_SECONDS

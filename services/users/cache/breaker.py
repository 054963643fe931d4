"""The breaker in front of Redis: once it did not answer in time, no request asks it until a probe did.

The probe runs in a thread of its own, soon at first: on a busy machine one late answer says little, and every
profile is then read from PostgreSQL. It rests twice as long after each failure, up to half a second. It ends
where nobody has asked meanwhile; whoever asks next has it begun again.
"""

import time
from collections.abc import Callable
from threading import Lock, Thread

from redis.exceptions import RedisError

FIRST_REST_SECONDS = 0.02
LONGEST_REST_SECONDS = 0.5

Probe = Callable[[], object]  # raises RedisError where Redis does not answer in time


class Breaker:
    """Of one process. ``rest`` waits for so many seconds."""

    def __init__(self, probe: Probe, *, rest: Callable[[float], None] = time.sleep) -> None:
        self._probe = probe
        self._rest = rest
        self._lock = Lock()
        self._is_open = False
        self._was_asked = False  # since the last probe
        self.is_probing = False

    def admits(self) -> bool:
        """Whether to call; never waits."""
        if not self._is_open:
            return True
        self._was_asked = True
        self._begin_to_probe()
        return False

    def failed(self) -> None:
        """A call was not answered in time: nobody calls until a probe is answered."""
        self._is_open = self._was_asked = True
        self._begin_to_probe()

    def _begin_to_probe(self) -> None:
        with self._lock:
            if self.is_probing or not self._is_open:
                return
            self.is_probing = True
        Thread(target=self._probe_on, name="redis-probe", daemon=True).start()

    def _probe_on(self) -> None:
        seconds = FIRST_REST_SECONDS
        while self._goes_on():
            self._rest(seconds)
            seconds = min(2 * seconds, LONGEST_REST_SECONDS)
            try:
                self._probe()
            except RedisError:
                continue
            self._is_open = False

    def _goes_on(self) -> bool:
        """Whether another probe is wanted: the last one failed, and somebody has asked since."""
        with self._lock:
            self.is_probing = self._is_open and self._was_asked
            self._was_asked = False
            return self.is_probing

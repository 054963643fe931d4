"""A circuit breaker: a replica that fails is left alone for a while, then tried with one request."""

from time import monotonic

WINDOW_SECONDS = 10.0
LEAST_SAMPLE = 20
FAILURE_RATIO = 0.5
OPEN_SECONDS = 5.0
MOST_REFUSED = 3
NEVER = float("-inf")


class Breaker:
    """Opens when half of at least twenty requests of a window failed, or three connections in a row.

    Half open after five seconds, or as soon as a health check says that the replica is back.
    """

    __slots__ = ("_failures", "_opened_at", "_probe_at", "_refused", "_started_at", "_total")

    def __init__(self) -> None:
        self._started_at = monotonic()
        self._total = 0
        self._failures = 0
        self._opened_at: float | None = None
        self._probe_at = NEVER
        self._refused = 0  # connections in a row

    @property
    def state(self) -> str:
        """``closed``, ``open`` or ``half_open``, for the metrics."""
        if self._opened_at is None:
            return "closed"
        return "open" if monotonic() - self._opened_at < OPEN_SECONDS else "half_open"

    def is_closed(self) -> bool:
        """Whether requests flow freely."""
        return self._opened_at is None

    def allows(self) -> bool:
        """Whether a request may go now; when half open, only one at a time does."""
        if self._opened_at is None:
            return True
        now = monotonic()
        return now - self._opened_at >= OPEN_SECONDS and now - self._probe_at >= OPEN_SECONDS

    def half_open(self) -> None:
        """The replica is said to be back: let a request find out, whatever is left of the five seconds."""
        if self._opened_at is not None:
            self._opened_at = monotonic() - OPEN_SECONDS

    def begin(self) -> bool:
        """A request goes out; whether it is the one that finds out how the replica is."""
        if self._opened_at is None:
            return False
        self._probe_at = monotonic()
        return True

    def abandon(self) -> None:
        """The request that was to find out ended without an answer or a failure: let the next one do so."""
        self._probe_at = NEVER

    def answer(self, status: int) -> None:
        """An answer came; one of 500 and above says only that the replica is there."""
        if self._opened_at is not None:
            self.succeed()
        elif status < 500:
            self._refused = 0
            self._count(0)

    def succeed(self) -> None:
        """The replica works."""
        self._refused = 0
        if self._opened_at is not None:
            self._opened_at = None
            self._restart()
        self._count(0)

    def fail(self) -> None:
        """No usable answer came."""
        if self._opened_at is not None:
            self._opened_at = monotonic()
            return
        self._count(1)
        if self._total >= LEAST_SAMPLE and self._failures >= self._total * FAILURE_RATIO:
            self._open()

    def fail_to_connect(self) -> None:
        """No connection could be made; after three in a row nothing else is expected."""
        self._refused += 1
        self.fail()
        if self._refused >= MOST_REFUSED and self._opened_at is None:
            self._open()

    @property
    def is_refusing(self) -> bool:
        """Whether it is open since no connection could be made: a health check that is passed says better."""
        return self._opened_at is not None and self._refused > 0

    def _open(self) -> None:
        self._opened_at = monotonic()
        self._probe_at = NEVER

    def _count(self, failures: int) -> None:
        if monotonic() - self._started_at > WINDOW_SECONDS:
            self._restart()
        self._total += 1
        self._failures += failures

    def _restart(self) -> None:
        self._started_at = monotonic()
        self._total = self._failures = 0

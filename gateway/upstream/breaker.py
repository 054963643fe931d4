"""A circuit breaker: an upstream that fails is left alone for a while, then tried with one request."""

from time import monotonic

WINDOW_SECONDS = 10.0
LEAST_SAMPLE = 20
FAILURE_RATIO = 0.5
OPEN_SECONDS = 5.0


class Breaker:
    """Opens when half of at least twenty requests of a window failed; half open after five seconds."""

    __slots__ = ("_failures", "_opened_at", "_probe_at", "_started_at", "_total")

    def __init__(self) -> None:
        self._started_at = monotonic()
        self._total = 0
        self._failures = 0
        self._opened_at: float | None = None
        self._probe_at = 0.0

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
        """The upstream is said to be back: let a request find out, whatever is left of the five seconds."""
        if self._opened_at is not None:
            self._opened_at = monotonic() - OPEN_SECONDS

    def begin(self) -> None:
        """A request goes out."""
        if self._opened_at is not None:
            self._probe_at = monotonic()

    def succeed(self) -> None:
        """An answer came, whatever its status below 500."""
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
            self._opened_at = monotonic()
            self._probe_at = 0.0

    def _count(self, failures: int) -> None:
        if monotonic() - self._started_at > WINDOW_SECONDS:
            self._restart()
        self._total += 1
        self._failures += failures

    def _restart(self) -> None:
        self._started_at = monotonic()
        self._total = self._failures = 0

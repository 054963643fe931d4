"""How long a failed try costs, pure: nothing at first, then twice as long each time."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """``free`` failures cost nothing; each further one doubles the wait, from a second to ``longest``.

    ``free`` of them are forgotten within ``forgotten_after``, one after the other.
    """

    free: int
    longest: timedelta
    forgotten_after: timedelta

    @property
    def forgets_one_after(self) -> timedelta:
        """How long it takes until one failure is forgotten."""
        return self.forgotten_after / self.free

    def wait_after(self, failures: int) -> timedelta:
        """The wait before the next try, after so many failures that are not forgotten."""
        if failures < self.free:
            return timedelta(0)
        # The exponent is bounded before the power is taken.
        seconds = 2 ** min(failures - self.free, 20)
        return min(timedelta(seconds=seconds), self.longest)

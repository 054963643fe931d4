"""The retry budget: retries may add a tenth to the load, not multiply it when everything fails."""

RATIO = 0.1
LARGEST_RESERVE = 10.0


class RetryBudget:
    """Every request earns a tenth of a retry, up to a small reserve."""

    __slots__ = ("_reserve",)

    def __init__(self) -> None:
        self._reserve = LARGEST_RESERVE

    def earn(self) -> None:
        """A first attempt was made."""
        if self._reserve < LARGEST_RESERVE:
            self._reserve = min(LARGEST_RESERVE, self._reserve + RATIO)

    def spend(self) -> bool:
        """Take one retry out of the budget; False if there is none."""
        if self._reserve < 1.0:
            return False
        self._reserve -= 1.0
        return True

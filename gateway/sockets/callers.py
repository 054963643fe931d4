"""How many WebSockets each caller has open at one worker."""

from collections import Counter

from shared.chassis.errors import ApiError


class TooManyWebSockets(ApiError):
    """The caller has the maximum number of open WebSockets."""

    status = 429
    code = "too_many_websockets"
    detail = "You have too many WebSockets open; close one of them first."


class Callers:
    """The open sockets of one worker, counted by caller."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def take(self, caller: str) -> None:
        """Count one more; raises TooManyWebSockets."""
        if self._open[caller] >= self._most:
            raise TooManyWebSockets
        self._open[caller] += 1

    def give_back(self, caller: str) -> None:
        """One has ended."""
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]

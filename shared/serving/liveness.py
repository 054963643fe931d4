"""Whether the other side of a WebSocket is there: after a silence it is pinged, after another one left."""

import asyncio
from collections.abc import Callable


class Liveness:
    """Asks for a sign of life where none comes by itself."""

    __slots__ = ("_ask", "_give_up", "_is_asked", "_is_heard", "_loop", "_seconds", "_timer")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        seconds: float,
        *,
        ask: Callable[[], bool],
        give_up: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._ask = ask  # False where the other side could not be heard now
        self._give_up = give_up
        self._is_heard = self._is_asked = False
        self._timer = loop.call_later(seconds, self._look)

    def heard(self) -> None:
        """The other side has sent something."""
        self._is_heard = True

    def stop(self) -> None:
        """It does not matter any more."""
        self._timer.cancel()

    def _look(self) -> None:
        if self._is_asked and not self._is_heard:
            self._give_up()
            return
        self._is_asked = not self._is_heard and self._ask()
        self._is_heard = False
        self._timer = self._loop.call_later(self._seconds, self._look)

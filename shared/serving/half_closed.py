"""Whether a client that sends nothing more has left altogether, or still waits for its answer."""

import asyncio
from collections.abc import Callable

from shared.serving.wire import Wire

FIRST_LOOK_SECONDS = 0.01


class HalfClosed:
    """Looks again and again, and ends the connection of a client that is not there."""

    __slots__ = ("_has_answer_begun", "_longest_seconds", "_loop", "_wire")

    def __init__(
        self,
        wire: Wire,
        loop: asyncio.AbstractEventLoop,
        longest_seconds: float,
        *,
        has_answer_begun: Callable[[], bool],
    ) -> None:
        self._wire = wire
        self._loop = loop
        self._longest_seconds = longest_seconds  # that an answer may stand still
        self._has_answer_begun = has_answer_begun

    def watch(self, seconds: float = FIRST_LOOK_SECONDS) -> None:
        """End the connection once its client is known to have left, or its answer stands still."""
        wire = self._wire
        if wire.is_gone:
            return
        is_idle = self._has_answer_begun() and not wire.has_written and seconds >= self._longest_seconds
        if is_idle or wire.is_reset():
            wire.abort()
            return
        wire.has_written = False
        seconds = min(seconds * 2, self._longest_seconds)
        self._loop.call_later(seconds, self.watch, seconds)

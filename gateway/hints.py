"""Hints for developers: why a browser refuses what the gateway would do. Written in development alone.

In production anybody could fill the log with them.
"""

from shared.chassis.logs import get_logger

MOST_REMEMBERED = 1000

log = get_logger(__name__)


class Hints:
    """What one worker tells developers in its log, each hint once."""

    def __init__(self, *, is_development: bool) -> None:
        self._is_development = is_development
        self._given: set[tuple[str, str]] = set()

    def preflight_refused(self, origin: str, hint: str) -> None:
        """A browser asked whether a page may call, and was not told that it may."""
        self._give("preflight_refused", origin, hint)

    def cookies_refused(self, origin: str, hint: str) -> None:
        """A page asked for, or acted by, a session in cookies that it may not have."""
        self._give("cookies_refused", origin, hint)

    def _give(self, event: str, origin: str, hint: str) -> None:
        if not self._is_development or (origin, hint) in self._given:
            return
        if len(self._given) < MOST_REMEMBERED:
            self._given.add((origin, hint))
            log.warning(event, origin=origin, hint=hint)

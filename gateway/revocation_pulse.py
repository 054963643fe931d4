"""The pulse of revocations: what auth's worker says once a second, and whether this gateway has kept up.

A pulse names the newest revocation that auth has told, and says whether Redis stores them all. Without one,
the way from auth is cut, wherever that may be.
"""

import orjson

SILENCE_SECONDS = 4.0  # of a pulse that comes each second


class Pulse:
    """What was heard on one connection; time begins with the connection."""

    def __init__(self, now: float = 0.0) -> None:
        self._heard_at = now
        self._is_stored = True
        self._newest: int | None = None  # the first pulse tells where this connection begins

    def is_good(self, now: float) -> bool:
        """Whether auth's worker was heard lately, and nothing that it told is missing in Redis."""
        return self._is_stored and now - self._heard_at < SILENCE_SECONDS

    def note(self, revocation_id: int) -> None:
        """A revocation has arrived."""
        if self._newest is not None:
            self._newest = max(self._newest, revocation_id)

    def take(self, text: bytes, now: float) -> bool:
        """Take in a pulse; False if it names a revocation that has not arrived: read the set."""
        try:
            pulse = orjson.loads(text)
            newest, is_stored = int(pulse["newest"]), bool(pulse["is_stored"])
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return True  # of another release: it counts as silence
        has_kept_up = self._newest is None or newest <= self._newest
        self._heard_at, self._is_stored = now, is_stored
        self._newest = max(newest, self._newest or 0)
        return has_kept_up

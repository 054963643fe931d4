"""Access tokens whose signature this process has checked, so that it need not be checked again.

They are kept under their digest: nobody can read a token out of this memory. What can change meanwhile is
not kept: ``access_tokens`` asks each time whether the token is over and whether its key is still accepted.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from time import time
from typing import Any

MOST_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a token with a good signature says."""

    header: Mapping[str, str]
    claims: Mapping[str, Any]

    @property
    def is_over(self) -> bool:
        """Whether it has expired. The leeway for other clocks does not prolong a token."""
        return int(self.claims["exp"]) <= time()


class VerifiedTokens:
    """The memory of one process. ``most=0`` remembers nothing."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: dict[bytes, VerifiedToken] = {}

    def find(self, token: str) -> VerifiedToken | None:
        """What was remembered of this token."""
        return self._known.get(_digest(token))

    def remember(self, token: str, verified: VerifiedToken) -> None:
        """Spare this token its next verification."""
        if self._most == 0:
            return
        if len(self._known) >= self._most:
            self._make_room()
        self._known[_digest(token)] = verified

    def _make_room(self) -> None:
        """Forget the expired, and of the living all but the newer half.

        The new dictionary replaces the old one at once: threads that read meanwhile are not disturbed.
        """
        living = [(name, known) for name, known in self._known.copy().items() if not known.is_over]
        self._known = dict(living[-(self._most // 2) :])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()

"""A service of breached passwords, asked so that it does not learn which (k-anonymity, as Have I Been Pwned).

It gets the first five hex digits of the SHA-1 hash, answers the rest of every hash that begins so, and pads
the answer, so that not even its length tells who was asked for.
"""

import re
from time import monotonic

import httpx

PREFIX_DIGITS = 5
LONGEST_ANSWER_BYTES = 1_048_576
_LINE = re.compile(r"([0-9A-F]{35}):(\d{1,15})")
_HEADERS = {"Add-Padding": "true", "User-Agent": "doorward", "Accept": "text/plain"}


class BreachServiceUnavailable(Exception):
    """The service did not answer, not in time, or not as one of its kind."""


class BreachService:
    """One such service; its answers count for nothing unless they are whole and in time."""

    def __init__(self, url: str, *, seconds: float) -> None:
        self._url = url.rstrip("/")
        self._seconds = seconds
        # A redirect would carry the digits elsewhere, so none is followed (httpx's default, said aloud).
        self._client = httpx.Client(timeout=seconds, headers=_HEADERS, follow_redirects=False)

    def has(self, sha1: str) -> bool:
        """Whether the service knows the hash; raises BreachServiceUnavailable."""
        prefix, rest = sha1[:PREFIX_DIGITS].upper(), sha1[PREFIX_DIGITS:].upper()
        try:
            return rest in _hashes_in(self._ask(prefix))
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeDecodeError) as error:
            # Not its text: that would hold the address, and with it the digits.
            raise BreachServiceUnavailable(type(error).__name__) from None

    def _ask(self, prefix: str) -> str:
        deadline = monotonic() + self._seconds
        pieces, size = [], 0
        with self._client.stream("GET", f"{self._url}/{prefix}") as response:
            if response.status_code != httpx.codes.OK:
                raise BreachServiceUnavailable(f"status {response.status_code}")
            for piece in response.iter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > LONGEST_ANSWER_BYTES:
                    raise BreachServiceUnavailable("too long an answer")
                if monotonic() > deadline:
                    raise BreachServiceUnavailable("too late an answer")
        return b"".join(pieces).decode("ascii")


def _hashes_in(answer: str) -> set[str]:
    """The rests of hashes that were seen at least once: padding has a count of nought."""
    lines = [_LINE.fullmatch(line) for line in answer.upper().split()]
    if not lines or None in lines:
        raise BreachServiceUnavailable("not a list of hashes")
    return {match[1] for match in lines if match is not None and int(match[2]) > 0}

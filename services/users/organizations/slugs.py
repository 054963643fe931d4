"""Slugs: the short names of organizations in URLs, chosen or made of the name. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from secrets import token_hex

LONGEST = 63
PATTERN = r"[a-z0-9]+(-[a-z0-9]+)*"
_FALLBACK = "organization"
_TRIES = 5
_SUFFIX_BYTES = 4


def candidates(name: str) -> Iterator[str]:
    """Slugs for an organization of this name: the plain one first, then some that are surely free."""
    plain = _of(name)
    yield plain
    for _ in range(_TRIES):
        suffix = token_hex(_SUFFIX_BYTES)
        yield f"{plain[: LONGEST - len(suffix) - 1].rstrip('-')}-{suffix}"


def _of(name: str) -> str:
    """``Zoë & Söhne`` as `zoe-sohne`."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", letters)
    return "-".join(words)[:LONGEST].strip("-") or _FALLBACK

"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that keys sort by the time of their making."""

from functools import lru_cache
from uuid import UUID

from uuid_utils.compat import uuid7

MOST_REMEMBERED = 4096


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(int=uuid7().int)


@lru_cache(MOST_REMEMBERED)
def parse_id(text: str) -> UUID:
    """The identifier that a token names again and again; raises what UUID raises."""
    return UUID(text)

"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that keys sort by the time of their making."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return UUID(int=uuid7().int)

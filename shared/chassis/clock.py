"""The time: always UTC and aware. Rules take it as an argument; use cases ask here."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)

"""Leases of pooled connections: whoever gets one gets one that lives, mostly without asking the server.

A server that was stopped, or that has ended a session, has closed its socket, and this side can see it:
there is something to read. So a connection that was returned a moment ago is only looked at; one that rested
longer, so that a firewall may have forgotten it, is asked.
"""

import select
import time
from typing import Any

import psycopg
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

TRUSTED_SECONDS = 1.0
_RETURNED_AT = "returned_at"


def note_return(_connection: Any, entry: ConnectionPoolEntry) -> None:
    """Remember when the connection was returned."""
    entry.info[_RETURNED_AT] = time.monotonic()


def check(connection: psycopg.Connection[Any], entry: ConnectionPoolEntry, _proxy: Any) -> None:
    """Let a living connection out; else the pool is told that the server went away, and makes new ones."""
    returned_at = entry.info.get(_RETURNED_AT)
    if returned_at is None:
        return  # just made
    is_recent = time.monotonic() - returned_at < TRUSTED_SECONDS
    if not (is_recent and _is_silent(connection)) and not _answers(connection):
        raise InvalidatePoolError


def _is_silent(connection: psycopg.Connection[Any]) -> bool:
    """Whether nothing waits to be read: neither the end of the connection nor a last word of the server."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


def _answers(connection: psycopg.Connection[Any]) -> bool:
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error:
        return False
    return True


# What SQLAlchemy's pool calls, and when.
EVENTS = [(note_return, "checkin"), (check, "checkout")]

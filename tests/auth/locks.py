"""Who waits for a lock in the service's database: a race can be arranged instead of hoped for."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import LiteralString

import psycopg
from sqlalchemy.engine import make_url


def waiting(url: str) -> int:
    """How many connections to that database wait for a lock of another one."""
    address = make_url(url).set(drivername="postgresql")
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        row = connection.execute(query, (address.database,)).fetchone()
    assert row is not None
    return int(row[0])


def account_locked(url: str, email: str) -> AbstractContextManager[None]:
    """Hold the row of that account, as a transaction of somebody else does."""
    return _locked(url, "SELECT FROM accounts WHERE email = %s FOR UPDATE", email)


def session_locked(url: str, session_id: str) -> AbstractContextManager[None]:
    """Hold the row of that session."""
    return _locked(url, "SELECT FROM sessions WHERE id = %s FOR UPDATE", session_id)


@contextmanager
def _locked(url: str, query: LiteralString, value: str) -> Iterator[None]:
    address = make_url(url).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        connection.execute(query, (value,))
        yield
        connection.rollback()

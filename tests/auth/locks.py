"""Who waits for a lock in the service's database: a race can be arranged instead of hoped for."""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def account_locked(url: str, email: str) -> Iterator[None]:
    """Hold the row of that account, as a transaction of somebody else does."""
    address = make_url(url).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False)) as connection:
        connection.execute("SELECT FROM accounts WHERE email = %s FOR UPDATE", (email,))
        yield
        connection.rollback()

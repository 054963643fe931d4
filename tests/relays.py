"""Relays of workers as threads that do nothing unless PostgreSQL's NOTIFY wakes them."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from shared.chassis.relay import Relay
from shared.chassis.testing.engines import wait_until

LISTENERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle' AND query = %s
"""


@contextmanager
def listening(relay: Relay, *, channel: str, database_url: str) -> Iterator[None]:
    """Run the relay from when it listens on its channel on; end it afterwards."""
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:

        def listens() -> bool:
            row = connection.execute(LISTENERS, [f"LISTEN {channel}"]).fetchone()
            return row is not None and row[0] > 0

        def has_ended() -> bool:
            connection.execute(f"NOTIFY {channel}")
            return not relay.is_alive()

        relay.start()
        try:
            wait_until(listens, what=f"the relay of {channel}")
            yield
        finally:
            relay.stop()
            wait_until(has_ended, what=f"the end of the relay of {channel}")

"""What the databases of a running Doorward hold, and whether anything in them still waits."""

from collections.abc import Mapping
from typing import Any, LiteralString

import psycopg

from shared.chassis.testing.engines import wait_until

SERVICES = ("auth", "users", "notifications")


class Stored:
    """Of whatever has the URLs of the databases in its ``environment``."""

    environment: Mapping[str, str]

    def connect(self, service: str) -> psycopg.Connection:
        """A connection to the database of ``service``."""
        url = self.environment[f"{service.upper()}_DATABASE_URL"]
        return psycopg.connect(url, autocommit=True, connect_timeout=3)

    def rows(self, service: str, query: LiteralString, *values: str) -> list[tuple[Any, ...]]:
        """What the database of ``service`` answers."""
        with self.connect(service) as connection:
            return connection.execute(query, values).fetchall()

    def wait_until_quiet(self) -> None:
        """Return when no service has a message left to pass on, nor notifications a mail to send."""
        wait_until(lambda: self._waiting() == 0, what="nothing left to be done", seconds=90)

    def _waiting(self) -> int:
        pending: LiteralString = (
            "SELECT count(*) FROM deliveries WHERE status IN ('queued', 'sending', 'retrying')"
        )
        left = [self.rows(service, "SELECT count(*) FROM outbox") for service in SERVICES]
        left += [self.rows("notifications", pending), self.rows("auth", "SELECT count(*) FROM mail_requests")]
        return sum(int(rows[0][0]) for rows in left)

"""The note that a mail is being handed over, as close to the handover itself as two system calls can be.

A worker that dies between the note and the final dot would leave a mail that is noted and was never
sent; one that dies between the dot and the note would send it twice. So the note is put into
PostgreSQL's socket without waiting for its answer, and directly after it the dot into the mail
server's. What is in a socket is no longer the worker's to lose: PostgreSQL executes the statement and the
mail server reads the dot even if the worker is dead by then. The answer is read afterwards.
"""

import threading
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg import generators
from psycopg.pq import ExecStatus

NOTE = b"""
UPDATE notifications SET phase = 'handed_over', lease_until = $3::timestamptz
WHERE id = $1::uuid AND attempt_id = $2::uuid AND status = 'sending'
"""


class NotNoted(Exception):
    """PostgreSQL did not take the note, or the attempt is not ours any more."""


class HandoverNotes:
    """A connection of each worker thread that notes handovers."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self._local = threading.local()

    def prepare(self) -> None:
        """Have a living connection; raises psycopg's OperationalError where there is none to be had."""
        connection: psycopg.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            with suppress(psycopg.Error):
                connection.execute("SELECT 1")
                return
            connection.close()
        self._local.connection = psycopg.connect(self._url, autocommit=True, connect_timeout=3)

    def put(self, notification_id: UUID, attempt_id: UUID, lease_until: datetime) -> None:
        """Send the note and do not wait; raises NotNoted where it cannot be sent."""
        values = [str(notification_id), str(attempt_id), lease_until.isoformat()]
        raw = self._local.connection.pgconn
        try:
            raw.send_query_params(NOTE, [value.encode() for value in values])
            raw.flush()
        except psycopg.Error as error:
            raise NotNoted from error

    def confirm(self) -> None:
        """Read the answer to the note; raises NotNoted where it was not taken."""
        connection: psycopg.Connection = self._local.connection
        try:
            results = connection.wait(generators.fetch_many(connection.pgconn))
        except psycopg.Error as error:
            raise NotNoted from error
        if results[0].status != ExecStatus.COMMAND_OK or results[0].command_tuples != 1:
            raise NotNoted(results[0].error_message.decode("utf-8", "replace"))

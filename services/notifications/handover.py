"""The note that a mail is being handed over, as close to the handover itself as two system calls can be.

A worker that dies between the note and the final dot would leave a mail that is noted and was never
sent; one that dies between the dot and the note would send it twice. So the note is put into
PostgreSQL's socket without waiting for its answer, and directly after it the dot into the mail
server's. What is in a socket is no longer the worker's to lose: PostgreSQL executes the statement and the
mail server reads the dot even if the worker is dead by then. The answer is read afterwards.

The socket is corked (tcp(7), TCP_CORK) while the note goes in, so that this wakes nobody: a process that
wakes another one is often the one that has to wait, and it would wait in the only place where it must
not. The cork comes off after the dot; if the worker dies first, the kernel takes it off.
"""

import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

ANSWER_SECONDS = 10.0
CORK = getattr(socket, "TCP_CORK", None)  # Linux's
NOTE = b"""
UPDATE notifications SET phase = 'handed_over', lease_until = $3::timestamptz
WHERE id = $1::uuid AND attempt_id = $2::uuid AND status = 'sending'
"""


class NotNoted(Exception):
    """PostgreSQL did not take the note, or the attempt is not ours any more."""


class Note:
    """The note of one handover, on a connection that is its own meanwhile."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._raw = connection.pgconn

    def write(self, notification_id: UUID, attempt_id: UUID, lease_until: datetime) -> None:
        """Have the statement ready in libpq's buffer; raises NotNoted where that cannot be."""
        values = [str(notification_id), str(attempt_id), lease_until.isoformat()]
        try:
            self._raw.enter_pipeline_mode()
            self._raw.send_query_params(NOTE, [value.encode() for value in values])
        except psycopg.Error as error:
            raise NotNoted from error
        self._set_cork(is_on=True)

    def commit(self) -> None:
        """Put the statement into PostgreSQL's socket, and do not wait; raises NotNoted.

        Unlike other calls it keeps Python's lock, so that no other thread comes in between this and
        the final dot: that would make a gap of milliseconds out of one of microseconds.
        """
        try:
            self._raw.pipeline_sync()
        except psycopg.Error as error:
            raise NotNoted from error

    def release(self) -> None:
        """Let the statement go out."""
        self._set_cork(is_on=False)

    def _set_cork(self, *, is_on: bool) -> None:
        if CORK is None:
            return
        with socket.socket(fileno=os.dup(self._raw.socket)) as same, suppress(OSError):
            same.setsockopt(socket.IPPROTO_TCP, CORK, int(is_on))  # a Unix socket has none

    def confirm(self) -> None:
        """Read the answer; raises NotNoted where the note was not taken."""
        try:
            noted, _end, _synced = self._result(), self._result(), self._result()
            self._raw.exit_pipeline_mode()
        except (psycopg.Error, TimeoutError) as error:
            self._raw.finish()  # an answer may still be under way: nobody else shall read it
            raise NotNoted(repr(error)) from error
        if noted is None or noted.status != ExecStatus.COMMAND_OK or noted.command_tuples != 1:
            raise NotNoted(noted.error_message.decode("utf-8", "replace") if noted else "no answer")

    def _result(self) -> PGresult | None:
        while self._raw.is_busy():
            if not select.select([self._raw.socket], [], [], ANSWER_SECONDS)[0]:
                raise TimeoutError
            self._raw.consume_input()
        return self._raw.get_result()


class HandoverNotes:
    """The connections that notes are sent on: one for each mail that is being sent."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self._lock = threading.Lock()
        self._idle: list[psycopg.Connection] = []

    @contextmanager
    def note(self) -> Iterator[Note]:
        """A note on a living connection; raises NotNoted where there is none to be had."""
        connection = self._take()
        try:
            yield Note(connection)
        except BaseException:
            connection.close()  # an answer may still be under way on it
            raise
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        """Let go of all connections that are not in use."""
        with self._lock:
            connections, self._idle = self._idle, []
        for connection in connections:
            connection.close()

    def _take(self) -> psycopg.Connection:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is not None:
                with suppress(psycopg.Error):
                    connection.execute("SELECT 1")
                    return connection
                connection.close()
            return psycopg.connect(self._url, autocommit=True, connect_timeout=3)
        except psycopg.Error as error:
            raise NotNoted from error

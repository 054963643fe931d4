"""The note that a mail is being handed over, as close to the handover itself as two system calls can be.

A worker that dies between the note and the final dot would leave a mail that is noted and was never
sent; one that dies between the dot and the note would send it twice. So the note is put into
PostgreSQL's socket without waiting for its answer, and directly after it the dot into the mail
server's. What is in a socket is no longer the worker's to lose: PostgreSQL executes the statement and the
mail server reads the dot even if the worker is dead by then. The answer is read afterwards.

In the same way the end is written as soon as the mail server has taken the mail: a worker that dies from
then on leaves a mail that is known to be sent. Unknown is only what dies while the mail server thinks.

The socket is corked (tcp(7), TCP_CORK) while the note goes in, so that this wakes nobody: a process that
wakes another one is often the one that has to wait, and it would wait in the only place where it must
not. The cork comes off after the dot; if the worker dies first, the kernel takes it off.
"""

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import UUID

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from shared.chassis.ids import new_id

ANSWER_SECONDS = 10.0
ASK_AFTER_SECONDS = 1.0  # a connection that was used a moment ago is not asked whether it lives
CORK = getattr(socket, "TCP_CORK", None)  # Linux's
NOTE = b"""
UPDATE notifications SET phase = 'handed_over', lease_until = $3::timestamptz
WHERE id = $1::uuid AND attempt_id = $2::uuid AND status = 'sending'
"""
SENT = b"""
WITH sent AS (
    UPDATE notifications SET status = 'sent', reason = NULL, attempt_id = NULL, lease_until = NULL,
        updated_at = $6::timestamptz,
        sealed_variables = CASE WHEN $3::boolean THEN NULL ELSE sealed_variables END
    WHERE id = $1::uuid AND attempt_id = $2::uuid RETURNING id
)
INSERT INTO notification_events (id, notification_id, name, detail, occurred_at)
SELECT $4::uuid, id, 'sent', $5, $6::timestamptz FROM sent
"""


class NotNoted(Exception):
    """PostgreSQL did not take the note, or the attempt is not ours any more."""


class Note:
    """The note of one handover, on a connection that is its own meanwhile."""

    def __init__(self, connection: psycopg.Connection, notification_id: UUID, attempt_id: UUID) -> None:
        self._raw = connection.pgconn
        self._key = [str(notification_id).encode(), str(attempt_id).encode()]
        self._statements = 0

    def write(self, lease_until: datetime) -> None:
        """Have the statement ready in libpq's buffer; raises NotNoted where that cannot be."""
        try:
            self._raw.enter_pipeline_mode()
            self._raw.send_query_params(NOTE, [*self._key, lease_until.isoformat().encode()])
        except psycopg.Error as error:
            raise NotNoted from error
        self._statements = 1
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

    def write_sent(self, answer: str, now: datetime, *, is_content_erased: bool) -> None:
        """Put the end into the socket, and do not wait; whether it was taken, ``confirm`` tells."""
        values = [str(is_content_erased), str(new_id()), answer, now.isoformat()]
        with suppress(psycopg.Error):
            self._raw.send_query_params(SENT, [*self._key, *(value.encode() for value in values)])
            self._raw.pipeline_sync()
            self._statements = 2

    def confirm(self) -> bool:
        """Read the answers: whether the end is written too. Raises NotNoted where the note was not taken."""
        try:
            results = [self._answer() for _ in range(self._statements)]
            self._raw.exit_pipeline_mode()
        except (psycopg.Error, TimeoutError) as error:
            self._raw.finish()  # an answer may still be under way: nobody else shall read it
            raise NotNoted(repr(error)) from error
        for result in results:
            if result is None or result.status != ExecStatus.COMMAND_OK or result.command_tuples != 1:
                raise NotNoted(result.error_message.decode("utf-8", "replace") if result else "no answer")
        return len(results) > 1

    def _answer(self) -> PGresult | None:
        result, _end, _synced = self._result(), self._result(), self._result()
        return result

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
        self._idle: list[tuple[float, psycopg.Connection]] = []

    @contextmanager
    def note(self, notification_id: UUID, attempt_id: UUID) -> Iterator[Note]:
        """A note on a living connection; raises NotNoted where there is none to be had."""
        connection = self._take()
        try:
            yield Note(connection, notification_id, attempt_id)
        except BaseException:
            connection.close()  # an answer may still be under way on it
            raise
        with self._lock:
            self._idle.append((time.monotonic(), connection))

    def close(self) -> None:
        """Let go of all connections that are not in use."""
        with self._lock:
            connections, self._idle = self._idle, []
        for _, connection in connections:
            connection.close()

    def _take(self) -> psycopg.Connection:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is not None:
            idle_since, connection = idle
            if _is_sound(connection, time.monotonic() - idle_since):
                return connection
            connection.close()
        try:
            return psycopg.connect(self._url, autocommit=True, connect_timeout=3)
        except psycopg.Error as error:
            raise NotNoted(repr(error)) from error


def _is_sound(connection: psycopg.Connection, idle_seconds: float) -> bool:
    if connection.closed or idle_seconds < ASK_AFTER_SECONDS:
        return not connection.closed
    with suppress(psycopg.Error):
        connection.execute("SELECT 1")
        return True
    return False

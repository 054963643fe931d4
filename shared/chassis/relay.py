"""Relays: threads of a worker that move due rows on, woken by PostgreSQL or by a short poll.

A relay runs one ``step`` again and again: claim what is due, pass it on, say how much it was. The
outbox has one; notifications' delivery has another. Several workers may run the same relay, since
a step claims its rows by lease.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
from flask import Flask

from shared.chassis.logs import get_logger

POLL_SECONDS = 1.0
# What a step needs was down: revocations have a second in all once it is back.
AFTER_FAILURE_SECONDS = 0.25

log = get_logger(__name__)


class Doorbell:
    """Waits for a NOTIFY on ``channel``, at most ``POLL_SECONDS``; a lost connection is a short sleep."""

    def __init__(self, database_url: str, channel: str, stopping: threading.Event) -> None:
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://")
        self._channel = channel
        self._stopping = stopping
        self._connection: psycopg.Connection | None = None

    def wait(self) -> None:
        """Return when rung, when the time is over, or when the relay shall stop."""
        try:
            connection = self._connection or self._connect()
            for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                return
        except psycopg.Error:
            self.close()
            self._stopping.wait(POLL_SECONDS)

    def _connect(self) -> psycopg.Connection:
        connection = psycopg.connect(self._url, autocommit=True, connect_timeout=3)
        connection.execute(f"LISTEN {self._channel}")
        self._connection = connection
        return connection

    def close(self) -> None:
        """Drop the connection; the next wait opens another."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


class Relay(threading.Thread):
    """Runs ``step`` in ``app``'s context until stopped. ``step`` returns how many rows it moved."""

    def __init__(
        self,
        app: Flask,
        *,
        name: str,
        channel: str,
        database_url: str,
        step: Callable[[], int],
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._app = app
        self._step = step
        self._stopping = threading.Event()
        self._failure: type[Exception] | None = None
        self._doorbell = Doorbell(database_url, channel, self._stopping)

    def run(self) -> None:
        """Step while there is something to do, else wait for the doorbell."""
        while not self._stopping.is_set():
            if self._moved() == 0:
                self._doorbell.wait()
        self._doorbell.close()

    def stop(self) -> None:
        """End after the present step."""
        self._stopping.set()

    def _moved(self) -> int | None:
        """What a step moved; None after one that failed, for which nobody rings again."""
        try:
            with self._app.app_context():
                moved = self._step()
        except Exception as error:
            # Whatever is down now may be up in a moment: a relay never dies.
            if type(error) is not self._failure:  # one line for an outage, not four a second
                log.exception("relay_step_failed", relay=self.name)
            self._failure = type(error)
            self._stopping.wait(AFTER_FAILURE_SECONDS)
            return None
        if self._failure is not None:
            log.info("relay_goes_on", relay=self.name)
            self._failure = None
        return moved

"""Housekeeping: what is no longer needed goes, in small batches, in every service's worker.

All workers may do it at once: a batch skips the rows that another has locked.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import uniform
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete, select

from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger

EVERY_SECONDS = 300.0
BATCH = 500

log = get_logger(__name__)

Chore = Callable[[datetime], int]  # does some of the work, says how many rows it took


def delete_older(db: SQLAlchemy, model: Any, moment: Any, kept_for: timedelta) -> Chore:
    """A chore that deletes rows of ``model`` whose column ``moment`` is older than ``kept_for``."""
    key = model.__mapper__.primary_key[0]

    def chore(now: datetime) -> int:
        old = select(key).where(moment < now - kept_for).limit(BATCH).with_for_update(skip_locked=True)
        with transaction(db) as session:
            return len(session.execute(delete(model).where(key.in_(old)).returning(key)).all())

    return chore


class Housekeeper(threading.Thread):
    """Does every chore now and then, until it is told to stop."""

    def __init__(self, app: Flask, chores: Sequence[Chore]) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._app = app
        self._chores = chores
        self._stopping = threading.Event()

    def run(self) -> None:
        """Wait first, and not in step with other workers: a start has better things to do."""
        while not self._stopping.wait(EVERY_SECONDS * uniform(0.5, 1.5)):  # noqa: S311
            self.tidy()

    def stop(self) -> None:
        """End after the present batch."""
        self._stopping.set()

    def tidy(self) -> None:
        """Do each chore until it finds nothing more; one that fails waits for the next time."""
        for chore in self._chores:
            try:
                with self._app.app_context():
                    while chore(utcnow()) and not self._stopping.is_set():
                        pass
            except Exception:
                log.exception("housekeeping_failed")

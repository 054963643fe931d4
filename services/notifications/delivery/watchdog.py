"""Ends a worker process that is alive and does nothing, so that whoever keeps it starts it again."""

import os
from collections.abc import Callable

from services.notifications.delivery.progress import Progress
from shared.chassis.logs import get_logger

EXIT_CODE = 70  # EX_SOFTWARE

log = get_logger(__name__)


def _end() -> None:
    # No attempt is running, or it would not be silent; and what is stuck would not end in order.
    os._exit(EXIT_CODE)


def check(progress: Progress, *, patience_seconds: float, end: Callable[[], None] = _end) -> None:
    """End the process where mails are due and nothing has answered their bells for too long."""
    silent_seconds = progress.silent_seconds()
    if silent_seconds > patience_seconds:
        log.error("worker_stuck", silent_seconds=round(silent_seconds))
        end()

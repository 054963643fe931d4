"""The end of an attempt: written through its fence, so that whoever was overtaken writes nothing."""

import time
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from services.notifications import catalog
from services.notifications.metrics import EMAILS
from services.notifications.models import db
from services.notifications.outcomes import Outcome
from services.notifications.store import attempts
from services.notifications.store import mails as store
from services.notifications.store.attempts import Attempt
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger

# What the mail server answered shall not be lost with a moment of the database's.
FINISH_SECONDS = 20.0
FINISH_PAUSE_SECONDS = 0.5

log = get_logger(__name__)


def finish(attempt: Attempt, outcome: Outcome) -> None:
    """Write what the attempt came to, unless that is done or somebody else has begun another."""
    is_ours = outcome.is_written or _write_patiently(attempt, outcome)
    EMAILS.labels(attempt.template, outcome.status).inc()
    log.info(
        "attempt_finished",
        notification_id=str(attempt.notification_id),
        attempt=attempt.number,
        status=outcome.status,
        is_ours=is_ours,
    )


def _write_patiently(attempt: Attempt, outcome: Outcome) -> bool:
    deadline = time.monotonic() + FINISH_SECONDS
    while True:
        try:
            return _write(attempt, outcome)
        except (OperationalError, InterfaceError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(FINISH_PAUSE_SECONDS)


def _write(attempt: Attempt, outcome: Outcome) -> bool:
    now = utcnow()
    values: dict[str, Any] = {"status": outcome.status, "reason": outcome.reason}
    if outcome.wait is not None:
        values["next_attempt_at"] = now + outcome.wait
    if is_worthless(attempt, outcome):
        values["sealed_variables"] = None
    with transaction(db):
        is_ours = attempts.finish(attempt, now, **values)
        if is_ours:
            store.note(attempt.notification_id, outcome.status, now, outcome.detail or outcome.reason)
    return is_ours


def is_worthless(attempt: Attempt, outcome: Outcome) -> bool:
    """Whether nobody needs the content any more: a code that was sent or has expired."""
    template = catalog.find(attempt.template)
    holds_code = template is not None and template.holds_code
    return holds_code and (outcome.status == "sent" or outcome.reason == "expired")

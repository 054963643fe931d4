"""The relay's side of deliveries: end the attempts of dead workers, and ring the bell of each due mail.

The bell is a Celery task that carries an id. It may ring too often or be lost in Redis: an attempt begins
with a conditional UPDATE, and a bell that nobody answers is rung again when its lease is over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from services.notifications import outcomes, watchdog
from services.notifications.deps import deps
from services.notifications.metrics import EMAILS
from services.notifications.models import Notification, db
from services.notifications.store import attempts
from services.notifications.store import mails as store
from services.notifications.store.attempts import Due
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.contracts import queues

LEASE = timedelta(seconds=15)
RUNG_AT_MOST = 400
LOST_AT_MOST = 100

log = get_logger(__name__)


def relay(celery: Celery) -> int:
    """One step of the relay, after which the watchdog looks at what came of it; how many were rung."""
    rung = ring(celery)
    watchdog.check(deps().progress, patience_seconds=deps().settings.stuck_seconds)
    return rung


def ring(celery: Celery) -> int:
    """End lost attempts, ring the bell of what is due; how many were rung."""
    now = utcnow()
    with transaction(db):
        for notification in attempts.lost(now, at_most=LOST_AT_MOST):
            _take_back(notification, now)
        due = attempts.claim_due(now, LEASE, at_most=RUNG_AT_MOST)
        is_anything_due = attempts.oldest_due_seconds(now) > 0
    rung = _ring_each(celery, due)
    if rung:
        deps().progress.rang()
    if not is_anything_due or rung < len(due):
        deps().progress.has_nothing_to_do()
    return rung


def _take_back(notification: Notification, now: datetime) -> None:
    """Write the end of an attempt whose worker is gone, by how far it had come."""
    outcome = outcomes.lost(
        is_handed_over=notification.phase is not None,
        attempts=notification.attempts,
        due_at=notification.due_at,
        now=now,
        patience=deps().patience,
    )
    notification.status = outcome.status
    notification.reason = outcome.reason
    notification.attempt_id = None
    notification.lease_until = None
    notification.next_attempt_at = now + (outcome.wait or timedelta(0))
    notification.updated_at = now
    store.note(notification.id, outcome.status, now, outcome.detail)
    EMAILS.labels(notification.template, outcome.status).inc()
    log.warning("attempt_lost", notification_id=str(notification.id), status=outcome.status)


def _ring_each(celery: Celery, due: Sequence[Due]) -> int:
    for done, mail in enumerate(due):
        try:
            celery.send_task(
                queues.DELIVER_TASK,
                args=[str(mail.id)],
                queue=queues.DELIVERY_QUEUE,
                headers={"headers": mail.trace or {}},
                retry=False,
            )
        except (BrokerError, RedisError, OSError) as error:
            with transaction(db):
                attempts.release([mail.id for mail in due[done:]], utcnow() + timedelta(seconds=1))
            log.warning("broker_unavailable", waiting=len(due) - done, cause=repr(error))
            return done
    return len(due)

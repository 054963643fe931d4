"""The relay's side of the lanes: end the attempts of dead workers, and ring the bell of each lane with work.

A bell is a Celery task that names a lane and no message. The relay of a worker with a free slot rings it
where none lies in the lane's queue yet: so a queue never holds more bells than there are workers, whatever
hangs behind it. A bell may ring too often or be lost in Redis, which costs but the time to the next step.
"""

from collections.abc import Sequence
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from services.notifications.delivery import outcomes, reports, watchdog
from services.notifications.delivery.delivery import situation
from services.notifications.delivery.finishing import finish
from services.notifications.deps import deps
from services.notifications.models import db
from services.notifications.store import attempts, queue
from services.notifications.store import messages as store
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.contracts import queues

LOST_AT_MOST = 100
ADOPTED_AT_MOST = 500

log = get_logger(__name__)


def relay(celery: Celery) -> int:
    """One step of the relay, after which the watchdog looks at what came of it; how many bells were rung."""
    rung = ring(celery)
    if deps().reporting.is_over():
        reports.report()
    watchdog.check(deps().progress, patience_seconds=deps().settings.stuck_seconds)
    return rung


def ring(celery: Celery) -> int:
    """End lost attempts, ring the bell of each lane in which something is due; how many were rung."""
    _adopt()
    end_lost()
    due = queue.due_seconds()
    lanes = [lane for lane in due if deps().slots.free(lane)]
    if not due or not deps().sender.is_available():
        deps().progress.has_nothing_to_do()
        return 0
    return _ring_each(celery, lanes)


def _adopt() -> None:
    """Take over what the release before wrote while this one was started."""
    if deps().adopting.is_over():
        with transaction(db):
            store.adopt(ADOPTED_AT_MOST)


def end_lost() -> None:
    """Write the end of attempts whose worker is gone, by how far each had come."""
    for lost in attempts.lost(at_most=LOST_AT_MOST):
        known = situation(lost.claim, lost.now)
        outcome = outcomes.lost(known, is_handed_over=lost.phase is not None)
        log.warning("attempt_lost", message_id=str(lost.claim.message_id), status=outcome.status)
        finish(lost.claim, outcome, phase=lost.phase, server=lost.server)


def _ring_each(celery: Celery, lanes: Sequence[str]) -> int:
    rung = 0
    try:
        for lane in lanes:
            rung += _ring(celery, lane)
            deps().progress.rang()
    except (BrokerError, RedisError, OSError) as error:
        deps().progress.has_nothing_to_do()
        log.warning("broker_unavailable", cause=repr(error))
    return rung


def _ring(celery: Celery, lane: str) -> int:
    """Ring where no bell lies in the queue; 1 where one was put there."""
    queue = queues.lane_queue(lane)
    with celery.pool.acquire(block=True) as acquired:
        connection: Any = acquired  # the stubs take the pool for one of producers
        if connection.default_channel.queue_declare(queue=queue).message_count:
            return 0
    celery.send_task(queues.DRAIN_TASK, args=[lane], queue=queue, retry=False)
    return 1

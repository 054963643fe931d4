"""The delivery of mails: attempts under a lease, retries held in the database, outcomes told honestly.

    queued, scheduled, retrying ─▶ sending ─▶ sent
                ▲                     │ ├───▶ failed            refused for good, expired, tried for too long
                └──── refused ────────┘ └───▶ outcome_unknown   handed over, and no answer came

A mail is sent again only where it is certain that the server has not taken it. The doorbell in Redis may ring
too often or not at all: an attempt begins with a conditional UPDATE, and a relay rings again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform
from uuid import UUID

import orjson
from celery import Celery
from jinja2 import TemplateError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from services.notifications import rendering, store
from services.notifications.deps import deps
from services.notifications.handover import Note, NotNoted
from services.notifications.metrics import EMAILS, OLDEST_DUE
from services.notifications.models import db
from services.notifications.rendering import Rendered
from services.notifications.smtp import OutcomeUnknown, Refused
from services.notifications.store import Attempt
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.chassis.sealing import SealBroken
from shared.contracts import queues

BELL_LEASE = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)
# An attempt that has come to the handover with less left of its lease gives up: somebody else may begin.
LEAST_LEFT = timedelta(seconds=1)

log = get_logger(__name__)


def ring_bells(celery: Celery) -> int:
    """One step of the relay: end lost attempts, ring the bell of what is due; how many were rung."""
    now = utcnow()
    with transaction(db):
        for notification_id, phase in store.take_back_lost(now):
            store.note(notification_id, "outcome_unknown" if phase else "worker_lost", now)
            log.warning("attempt_lost", notification_id=str(notification_id), phase=phase)
        due = store.claim_due(now, BELL_LEASE)
        OLDEST_DUE.set(store.oldest_due_seconds(now))
    for done, notification_id in enumerate(due):
        try:
            celery.send_task(
                queues.DELIVER_TASK, args=[str(notification_id)], queue=queues.DELIVERY_QUEUE, retry=False
            )
        except (BrokerError, RedisError, OSError) as error:
            with transaction(db):
                store.release(due[done:], now + timedelta(seconds=1))
            log.warning("broker_unavailable", waiting=len(due) - done, cause=repr(error))
            return done
    return len(due)


def deliver(notification_id: str) -> None:
    """One attempt at one mail, if one is due; a bell that rang too often finds nothing to do."""
    now = utcnow()
    lease = timedelta(seconds=deps().settings.attempt_lease_seconds)
    with transaction(db):
        attempt = store.begin_attempt(UUID(notification_id), now, lease)
    if attempt is None:
        return
    if attempt.expires_at is not None and attempt.expires_at <= now:
        _finish(attempt, "failed", reason="expired")
        return
    try:
        content = _content(attempt)
    except (TemplateError, StopIteration, SealBroken) as error:
        _finish(attempt, "failed", reason="not_renderable", detail=repr(error))
        return
    _send(attempt, content, give_up_at=now + lease - LEAST_LEFT)


def _content(attempt: Attempt) -> Rendered:
    variables = orjson.loads(deps().sealer.open(attempt.sealed_variables or ""))
    return rendering.render(attempt.template, attempt.locale, variables)


def _send(attempt: Attempt, content: Rendered, *, give_up_at: datetime) -> None:
    try:
        with deps().notes.note() as note:
            answer = deps().sender.send(
                content,
                to_email=attempt.to_email,
                message_id=attempt.message_id,
                handover=_Handover(note, attempt, give_up_at),
            )
            _confirm(note, attempt)
    except Refused as error:
        _refused(attempt, error)
    except OutcomeUnknown as error:
        _finish(attempt, "outcome_unknown", reason="no_answer", detail=str(error))
    except NotNoted as error:
        # Nothing was sent: the lease runs out, and whoever comes next tries again.
        log.warning("handover_not_noted", notification_id=str(attempt.notification_id), cause=repr(error))
    else:
        _finish(attempt, "sent", detail=answer)


@dataclass(frozen=True, slots=True)
class _Handover:
    """The handover of one attempt, as the conversation with the mail server sees it."""

    note: Note
    attempt: Attempt
    give_up_at: datetime

    def prepare(self) -> None:
        """Have the note ready; raises NotNoted where somebody else may begin an attempt any moment."""
        now = utcnow()
        if now >= self.give_up_at:
            raise NotNoted("the lease is all but over")
        answer_within = timedelta(seconds=deps().settings.smtp_final_timeout_seconds + 5)
        self.note.write(self.attempt.notification_id, self.attempt.attempt_id, now + answer_within)

    def commit(self) -> None:
        """Put the note into the socket."""
        self.note.commit()

    def release(self) -> None:
        """Let it go out."""
        self.note.release()


def _confirm(note: Note, attempt: Attempt) -> None:
    try:
        note.confirm()
    except NotNoted:
        # It was sent all the same, and what follows says so.
        log.exception("handover_not_noted", notification_id=str(attempt.notification_id))


def _refused(attempt: Attempt, error: Refused) -> None:
    now = utcnow()
    settings = deps().settings
    if error.is_permanent:
        _finish(attempt, "failed", reason="refused", detail=str(error))
    elif now >= attempt.created_at + timedelta(hours=settings.retry_hours):
        _finish(attempt, "failed", reason="tried_too_long", detail=str(error))
    else:
        wait = wait_after(attempt.number, settings.retry_seconds)
        _finish(attempt, "retrying", detail=str(error), next_attempt_at=now + wait)


def wait_after(attempts: int, first_seconds: float) -> timedelta:
    """How long to wait after that many failed attempts: doubled each time, and never quite in step."""
    seconds = first_seconds * 2 ** min(attempts - 1, 20) * uniform(0.8, 1.2)  # noqa: S311
    return min(timedelta(seconds=seconds), LONGEST_WAIT)


def _finish(
    attempt: Attempt,
    status: str,
    *,
    reason: str | None = None,
    detail: str | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    now = utcnow()
    values = {"status": status, "reason": reason}
    later = {"next_attempt_at": next_attempt_at} if next_attempt_at else {}
    with transaction(db):
        is_ours = store.finish_attempt(attempt, now, **values, **later)
        if is_ours:
            store.note(attempt.notification_id, status, now, detail or reason)
    EMAILS.labels(attempt.template, status).inc()
    log.info(
        "attempt_finished",
        notification_id=str(attempt.notification_id),
        attempt=attempt.number,
        status=status,
        is_ours=is_ours,
    )

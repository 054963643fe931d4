"""What auth's worker clears away now and then, in small batches."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text, tuple_

from services.auth.accounts import deletions
from services.auth.models import (
    AuditEvent,
    Challenge,
    Device,
    EmailUndo,
    IdempotencyKey,
    Registration,
    Revocation,
    Session,
    Throttle,
    Ticket,
    db,
)
from services.auth.settings import AuthSettings
from shared.chassis.database import transaction
from shared.chassis.housekeeping import BATCH, Chore, delete_older
from shared.chassis.idempotency import KEPT_FOR

ENDED_SESSIONS_KEPT = timedelta(days=7)  # so that a late use of their tokens is still told what happened
CHALLENGES_KEPT = timedelta(days=1)
DEVICES_KEPT = timedelta(days=400)
THROTTLES_KEPT = timedelta(days=7)


def chores(settings: AuthSettings) -> Sequence[Chore]:
    """Everything that grows, and how long it is kept."""
    return [
        _expired(Session, Session.expires_at, ENDED_SESSIONS_KEPT),
        _expired(Session, Session.ended_at, ENDED_SESSIONS_KEPT),
        _expired(Challenge, Challenge.expires_at, CHALLENGES_KEPT),
        _expired(EmailUndo, EmailUndo.expires_at, timedelta(0)),
        _expired(Ticket, Ticket.expires_at, timedelta(0)),
        _expired(Device, Device.last_seen_at, DEVICES_KEPT),
        _expired(Throttle, Throttle.updated_at, THROTTLES_KEPT),
        _expired(Revocation, Revocation.expires_at, timedelta(0)),
        delete_older(db, IdempotencyKey, IdempotencyKey.started_at, KEPT_FOR),
        _expired(Registration, Registration.expires_at, timedelta(0)),
        deletions.delete_due,
        deletions.new_unverified_chore(timedelta(hours=settings.verification_hours)),
        _forget_audit(timedelta(days=settings.audit_days)),
    ]


def _expired(model: Any, moment: Any, kept_for: timedelta) -> Chore:
    """A chore that deletes rows by their whole key."""
    columns = model.__mapper__.primary_key
    key = tuple_(*columns)

    def chore(now: datetime) -> int:
        old = select(*columns).where(moment < now - kept_for).limit(BATCH).with_for_update(skip_locked=True)
        statement = delete(model).where(key.in_(old)).returning(*columns)
        with transaction(db) as session:
            return len(session.execute(statement.execution_options(synchronize_session=False)).all())

    return chore


def _forget_audit(kept_for: timedelta) -> Chore:
    chore = _expired(AuditEvent, AuditEvent.occurred_at, kept_for)

    def forget(now: datetime) -> int:
        # The trigger that keeps the log final lets retention pass, in this transaction alone.
        db.session.execute(text("SET LOCAL doorward.audit_retention = 'on'"))
        return chore(now)

    return forget

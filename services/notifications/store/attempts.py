"""Attempts in the table of mails: the leases of bells and of attempts, and the fence of each attempt.

Stores never commit: the use case owns the transaction. What runs once a mail or more goes to the table
and past the session, whose unit of work it does not need and would pay for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from services.notifications.models import Notification, db, table_of
from services.notifications.store.mails import WAITING
from shared.chassis.ids import new_id

MAILS = table_of(Notification)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a mail: what it needs, and the fence that it finishes through."""

    notification_id: UUID
    attempt_id: UUID
    number: int
    template: str
    locale: str
    to_email: str
    sealed_variables: str | None
    message_id: str
    expires_at: datetime | None
    due_at: datetime


_COLUMNS = (
    MAILS.c.id,
    MAILS.c.attempt_id,
    MAILS.c.attempts,
    MAILS.c.template,
    MAILS.c.locale,
    MAILS.c.to_email,
    MAILS.c.sealed_variables,
    MAILS.c.message_id,
    MAILS.c.expires_at,
    MAILS.c.due_at,
)


@dataclass(frozen=True, slots=True)
class Due:
    """A mail whose bell is to be rung, and the trace under which it was asked for."""

    id: UUID
    trace: dict[str, str] | None


def claim_due(now: datetime, lease: timedelta, *, at_most: int) -> Sequence[Due]:
    """The mails whose bell is to be rung now, leased so that nobody else rings it meanwhile.

    ``at_most`` is how many bells may be unanswered at a time: what is rung earlier than it can be sent
    is only rung again.
    """
    is_rung = MAILS.c.status.in_(WAITING) & (MAILS.c.lease_until > now)
    rung = select(func.count()).select_from(MAILS).where(is_rung)
    room = at_most - (db.session.scalar(rung) or 0)
    if room <= 0:
        return []
    due = (
        select(MAILS.c.id)
        .where(
            MAILS.c.status.in_(WAITING),
            MAILS.c.next_attempt_at <= now,
            MAILS.c.lease_until.is_(None) | (MAILS.c.lease_until <= now),
        )
        .order_by(MAILS.c.next_attempt_at)
        .limit(room)
        .with_for_update(skip_locked=True)
    )
    statement = update(MAILS).where(MAILS.c.id.in_(due)).values(lease_until=now + lease)
    rows = db.session.execute(statement.returning(MAILS.c.id, MAILS.c.trace)).all()
    return [Due(*tuple[Any, ...](row)) for row in rows]


def release(notification_ids: Sequence[UUID], until: datetime) -> None:
    """Give up the leases of bells that could not be rung."""
    statement = update(MAILS).where(MAILS.c.id.in_(notification_ids), MAILS.c.status.in_(WAITING))
    db.session.execute(statement.values(lease_until=until))


def begin(notification_id: UUID, now: datetime, lease: timedelta) -> Attempt | None:
    """Make the next attempt ours; None where it is not due, being sent, or over."""
    statement = (
        update(MAILS)
        .where(
            MAILS.c.id == notification_id,
            MAILS.c.status.in_(WAITING),
            MAILS.c.next_attempt_at <= now,
        )
        .values(
            status="sending",
            attempts=MAILS.c.attempts + 1,
            attempt_id=new_id(),
            phase=None,
            lease_until=now + lease,
            updated_at=now,
        )
        .returning(*_COLUMNS)
    )
    row = db.session.execute(statement).one_or_none()
    return Attempt(*tuple[Any, ...](row)) if row else None


def finish(attempt: Attempt, now: datetime, **values: Any) -> bool:
    """Write the end of an attempt; False where it is not ours any more."""
    statement = (
        update(MAILS)
        .where(MAILS.c.id == attempt.notification_id, MAILS.c.attempt_id == attempt.attempt_id)
        .values(attempt_id=None, lease_until=None, updated_at=now, **values)
        .returning(MAILS.c.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def lost(now: datetime, *, at_most: int) -> Sequence[Notification]:
    """Mails whose attempt's lease has run out: its worker is gone. Locked."""
    query = (
        select(Notification)
        .where(Notification.status == "sending", Notification.lease_until <= now)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    return db.session.scalars(query).all()


def oldest_due_seconds(now: datetime) -> float:
    """How long the mail that is due for longest has been so; 0 where none is."""
    oldest = db.session.scalar(
        select(func.min(MAILS.c.next_attempt_at)).where(
            MAILS.c.status.in_(WAITING), MAILS.c.next_attempt_at <= now
        )
    )
    return (now - oldest).total_seconds() if oldest else 0.0

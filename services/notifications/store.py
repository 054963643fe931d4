"""The tables of notifications. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import Event, Notification, Recipient, db
from shared.chassis.ids import new_id

WAITING = ("queued", "scheduled", "retrying")
ENDED = ("sent", "failed", "bounced", "cancelled", "suppressed", "outcome_unknown")
RUNG_AT_MOST = 200  # notifications whose bell was rung and that no attempt has begun


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
    created_at: datetime


def add(notification: Notification, event: str, now: datetime) -> None:
    """Store a new notification and the first row of its timeline."""
    db.session.add(notification)
    db.session.flush()
    note(notification.id, event, now)


def note(notification_id: UUID, name: str, now: datetime, detail: str | None = None) -> None:
    """Add to the timeline."""
    db.session.add(
        Event(id=new_id(), notification_id=notification_id, name=name, detail=_short(detail), occurred_at=now)
    )


def _short(detail: str | None) -> str | None:
    return None if detail is None else detail.replace("\x00", "")[:500]


def find(notification_id: UUID) -> Notification | None:
    """The notification, if there is one."""
    return db.session.get(Notification, notification_id)


def find_for_update(notification_id: UUID) -> Notification | None:
    """The notification, locked until the transaction ends."""
    return db.session.get(Notification, notification_id, with_for_update=True, populate_existing=True)


def timeline(notification_id: UUID) -> Sequence[Event]:
    """What happened to the notification, in order."""
    query = select(Event).where(Event.notification_id == notification_id).order_by(Event.id)
    return db.session.scalars(query).all()


def search(
    *,
    status: str | None,
    template: str | None,
    to: str | None,
    since: datetime | None,
    cursor: UUID | None,
    limit: int,
) -> Sequence[Notification]:
    """Up to ``limit`` notifications after ``cursor``, newest first."""
    wanted: list[Any] = []
    if status is not None:
        wanted.append(Notification.status == status)
    if template is not None:
        wanted.append(Notification.template == template)
    if to is not None:
        wanted.append(Notification.to_email == to.casefold())
    if since is not None:
        wanted.append(Notification.created_at >= since)
    if cursor is not None:
        wanted.append(Notification.id < cursor)
    query = select(Notification).where(*wanted).order_by(Notification.id.desc()).limit(limit)
    return db.session.scalars(query).all()


def claim_due(now: datetime, lease: timedelta) -> Sequence[UUID]:
    """The notifications whose bell is to be rung now, leased so that nobody else rings it meanwhile."""
    is_rung = Notification.status.in_(WAITING) & (Notification.lease_until > now)
    rung = select(func.count()).select_from(Notification).where(is_rung)
    room = RUNG_AT_MOST - (db.session.scalar(rung) or 0)
    if room <= 0:
        return []
    due = (
        select(Notification.id)
        .where(
            Notification.status.in_(WAITING),
            Notification.next_attempt_at <= now,
            Notification.lease_until.is_(None) | (Notification.lease_until <= now),
        )
        .order_by(Notification.next_attempt_at)
        .limit(min(room, 50))
        .with_for_update(skip_locked=True)
    )
    statement = update(Notification).where(Notification.id.in_(due)).values(lease_until=now + lease)
    return db.session.scalars(statement.returning(Notification.id)).all()


def release(notification_ids: Sequence[UUID], until: datetime) -> None:
    """Give up the leases of bells that could not be rung."""
    statement = update(Notification).where(
        Notification.id.in_(notification_ids), Notification.status.in_(WAITING)
    )
    db.session.execute(statement.values(lease_until=until))


def begin_attempt(notification_id: UUID, now: datetime, lease: timedelta) -> Attempt | None:
    """Make the next attempt ours; None where it is not due, being sent, or over."""
    statement = (
        update(Notification)
        .where(
            Notification.id == notification_id,
            Notification.status.in_(WAITING),
            Notification.next_attempt_at <= now,
        )
        .values(
            status="sending",
            attempts=Notification.attempts + 1,
            attempt_id=new_id(),
            phase=None,
            lease_until=now + lease,
            updated_at=now,
        )
        .returning(
            Notification.id,
            Notification.attempt_id,
            Notification.attempts,
            Notification.template,
            Notification.locale,
            Notification.to_email,
            Notification.sealed_variables,
            Notification.message_id,
            Notification.expires_at,
            Notification.created_at,
        )
    )
    row = db.session.execute(statement).one_or_none()
    return Attempt(*tuple[Any, ...](row)) if row else None


def finish_attempt(attempt: Attempt, now: datetime, **values: Any) -> bool:
    """Write the end of an attempt; False where it is not ours any more."""
    statement = (
        update(Notification)
        .where(Notification.id == attempt.notification_id, Notification.attempt_id == attempt.attempt_id)
        .values(attempt_id=None, lease_until=None, updated_at=now, **values)
        .returning(Notification.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def take_back_lost(now: datetime) -> Sequence[tuple[UUID, str | None]]:
    """End the attempts whose worker is gone: ids, and how far each had come."""
    lost = (
        select(Notification)
        .where(Notification.status == "sending", Notification.lease_until <= now)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    taken = []
    for row in db.session.scalars(lost).all():
        taken.append((row.id, row.phase))
        row.status = "outcome_unknown" if row.phase else "retrying"
        row.reason = "worker_lost" if row.phase else row.reason
        row.attempt_id = None
        row.lease_until = None
        row.next_attempt_at = now
        row.updated_at = now
    return taken


def oldest_due_seconds(now: datetime) -> float:
    """How long the notification that is due for longest has been so; 0 where none is."""
    oldest = db.session.scalar(
        select(func.min(Notification.next_attempt_at)).where(
            Notification.status.in_(WAITING), Notification.next_attempt_at <= now
        )
    )
    return (now - oldest).total_seconds() if oldest else 0.0


def set_recipient(account_id: UUID, email: str, told_at: datetime) -> None:
    """Remember an account's address, unless a later message told another one."""
    statement = insert(Recipient).values(account_id=account_id, email=email, told_at=told_at)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Recipient.account_id],
            set_={"email": email, "told_at": told_at},
            where=Recipient.told_at < told_at,
        )
    )


def find_recipient(account_id: UUID) -> str | None:
    """The address of an account."""
    return db.session.scalar(select(Recipient.email).where(Recipient.account_id == account_id))


def forget_account(account_id: UUID) -> None:
    """Delete all that is held on an account."""
    db.session.execute(delete(Notification).where(Notification.account_id == account_id))
    db.session.execute(delete(Recipient).where(Recipient.account_id == account_id))

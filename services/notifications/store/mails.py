"""The tables of mails and of their timelines. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from services.notifications.models import Event, Notification, db
from shared.chassis.ids import new_id

WAITING = ("queued", "scheduled", "retrying")
ENDED = ("sent", "failed", "bounced", "cancelled", "suppressed", "outcome_unknown")
LONGEST_DETAIL = 500


def add(notification: Notification, event: str, now: datetime) -> None:
    """Store a new notification and the first row of its timeline."""
    db.session.add(notification)
    db.session.flush()
    note(notification.id, event, now)


def note(notification_id: UUID, name: str, now: datetime, detail: str | None = None) -> None:
    """Add to the timeline."""
    db.session.add(
        Event(
            id=new_id(),
            notification_id=notification_id,
            name=name,
            detail=detail and short(detail),
            occurred_at=now,
        )
    )


def short(detail: str) -> str:
    """``detail`` as the timeline takes it."""
    return detail.replace("\x00", "")[:LONGEST_DETAIL]


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


def erase_content(ended_before: datetime, limit: int) -> int:
    """Erase the sealed variables of up to ``limit`` mails that had ended by then; how many."""
    old = (
        select(Notification.id)
        .where(
            Notification.sealed_variables.is_not(None),
            Notification.status.in_(ENDED),
            Notification.updated_at < ended_before,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = update(Notification).where(Notification.id.in_(old)).values(sealed_variables=None)
    return len(db.session.execute(statement.returning(Notification.id)).all())


def forget_account(account_id: UUID) -> None:
    """Delete the mails to an account, timelines included."""
    db.session.execute(delete(Notification).where(Notification.account_id == account_id))

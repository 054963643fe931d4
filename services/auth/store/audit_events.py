"""The audit_events table: rows are added and read, and changed in one way: what is personal goes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from services.auth.models import AuditEvent, db

EXPORT_BATCH = 500
TOMBSTONE = "account_deleted"


def add(values: dict[str, Any]) -> None:
    """Note an event."""
    db.session.execute(insert(AuditEvent).values(**values))


def add_all(rows: Iterable[dict[str, Any]]) -> None:
    """Note many events at once."""
    listed = list(rows)
    if listed:
        db.session.execute(insert(AuditEvent), listed)


def anonymise(account_id: UUID) -> None:
    """Forget whom events were about and whose they were, where that is an account which is gone.

    The database lets nothing else be changed, and this only once there is no such account.
    """
    place = {"ip": None, "user_agent": None, "request_id": None, "credential_id": None, "actor_id": None}
    about = (AuditEvent.account_id == account_id, AuditEvent.action != TOMBSTONE)
    db.session.execute(update(AuditEvent).where(*about).values(account_id=None, details={}, **place))
    by = (AuditEvent.actor_id == account_id, AuditEvent.actor_id.is_distinct_from(AuditEvent.account_id))
    db.session.execute(update(AuditEvent).where(*by).values(**place))


def count(account_id: UUID, action: str, *, since: datetime) -> int:
    """How often that happened to the account since."""
    wanted = (
        AuditEvent.account_id == account_id,
        AuditEvent.action == action,
        AuditEvent.occurred_at >= since,
    )
    return int(db.session.scalar(select(func.count()).select_from(AuditEvent).where(*wanted)) or 0)


def search(
    *,
    account_id: UUID | None,
    actor_id: UUID | None,
    action: str | None,
    since: datetime | None,
    cursor: UUID | None,
    limit: int,
) -> Sequence[AuditEvent]:
    """Up to ``limit`` events before ``cursor``, newest first; ids sort by time."""
    wanted: list[Any] = []
    if account_id is not None:
        wanted.append(AuditEvent.account_id == account_id)
    if actor_id is not None:
        wanted.append(AuditEvent.actor_id == actor_id)
    if action is not None:
        wanted.append(AuditEvent.action == action)
    if since is not None:
        wanted.append(AuditEvent.occurred_at >= since)
    if cursor is not None:
        wanted.append(AuditEvent.id < cursor)
    statement = select(AuditEvent).where(*wanted).order_by(AuditEvent.id.desc()).limit(limit)
    return db.session.scalars(statement).all()


def iterate(**filters: Any) -> Iterator[AuditEvent]:
    """Every event that matches, newest first, a batch at a time."""
    cursor: UUID | None = None
    while True:
        batch = search(cursor=cursor, limit=EXPORT_BATCH, **filters)
        yield from batch
        if len(batch) < EXPORT_BATCH:
            return
        cursor = batch[-1].id

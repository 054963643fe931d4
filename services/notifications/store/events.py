"""The statements on events. They never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from services.notifications.models import Event, Recipient, db

_TURN = "doorward:events"


def take_turn() -> None:
    """Let nobody else store events until the transaction ends.

    So positions are in the order of the commits: who has read up to one never misses an earlier one.
    """
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_TURN, 0))))


def add(
    *,
    event_id: UUID,
    type_: str,
    account_id: UUID | None,
    organization_id: UUID | None,
    content: dict[str, Any],
    occurred_at: datetime,
) -> None:
    """Store an event behind all others; in one's turn."""
    values = {
        "id": event_id,
        "type": type_,
        "account_id": account_id,
        "organization_id": organization_id,
        "content": content,
        "occurred_at": occurred_at,
        "stored_at": func.now(),
    }
    db.session.add(Event(**values))


def is_deleted(account_id: UUID) -> bool:
    """Whether the account is known to be deleted."""
    found = select(Recipient.account_id).where(
        Recipient.account_id == account_id, Recipient.deleted_at.is_not(None)
    )
    return db.session.scalar(found) is not None


def forget(account_id: UUID, *, but_for: str) -> None:
    """Delete the events of an account, but for those of one type."""
    db.session.execute(delete(Event).where(Event.account_id == account_id, Event.type != but_for))


def find_after(
    position: int,
    *,
    types: Sequence[str] | None = None,
    account_id: UUID | None = None,
    organization_id: UUID | None = None,
    limit: int,
) -> Sequence[Event]:
    """Up to ``limit`` events behind ``position``, in their order."""
    wanted = [Event.position > position]
    if types is not None:
        wanted.append(Event.type.in_(types))
    if account_id is not None:
        wanted.append(Event.account_id == account_id)
    if organization_id is not None:
        wanted.append(Event.organization_id == organization_id)
    return db.session.scalars(select(Event).where(*wanted).order_by(Event.position).limit(limit)).all()

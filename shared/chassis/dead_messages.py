"""Dead messages: rows of the outbox that their subscriber has refused for too long.

A dead message stays in its table and is published no more. ``doorward outbox`` lists, resends and deletes
them; a late acknowledgement still removes one. A subscriber that is away refuses nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select, text, update

from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.chassis.outbox import CHANNEL, Outbox, OutboxMixin

log = get_logger(__name__)


def bury(outbox: Outbox, now: datetime, *, unread: Collection[str], after: timedelta) -> int:
    """Mark as dead what has been refused for longer than ``after``; how many rows that were.

    ``unread`` names the subscribers in whose queue messages still lie: theirs may yet be handled.
    """
    model = outbox.model
    has_failed = and_(
        model.died_at.is_(None),
        model.refused_since <= now - after,
        model.available_at <= now,
        model.subscriber.not_in(unread),
    )
    with transaction(outbox.db) as session:
        dead = session.execute(
            update(model)
            .where(has_failed)
            .values(died_at=now)
            .returning(model.message_id, model.subscriber, model.name, model.attempts)
        ).all()
    for message_id, subscriber, name, attempts in dead:
        log.error(
            "message_died",
            message_id=str(message_id),
            subscriber=subscriber,
            message=name,
            attempts=attempts,
        )
    return len(dead)


def find_all(outbox: Outbox, *, limit: int) -> Sequence[OutboxMixin]:
    """The dead messages, oldest first, at most ``limit``."""
    model = outbox.model
    rows = select(model).where(model.died_at.is_not(None)).order_by(model.message_id).limit(limit)
    return outbox.db.session.scalars(rows).all()


def find(outbox: Outbox, message_id: UUID) -> Sequence[OutboxMixin]:
    """The rows of one message, dead or waiting: one for each subscriber that has not acknowledged it."""
    model = outbox.model
    rows = select(model).where(model.message_id == message_id).order_by(model.subscriber)
    return outbox.db.session.scalars(rows).all()


def resend(outbox: Outbox, message_ids: Sequence[UUID] | None, now: datetime) -> int:
    """Publish dead messages again, as if they were new; all of them for None. How many rows that were."""
    model = outbox.model
    alive = {"died_at": None, "refused_since": None, "attempts": 0, "available_at": now}
    with transaction(outbox.db) as session:
        rows = session.execute(
            update(model).where(*_dead(model, message_ids)).values(**alive).returning(model.message_id)
        ).all()
        session.execute(text(f"NOTIFY {CHANNEL}"))
    return len(rows)


def remove(outbox: Outbox, message_ids: Sequence[UUID]) -> int:
    """Delete dead messages; how many rows that were."""
    model = outbox.model
    with transaction(outbox.db) as session:
        statement = delete(model).where(*_dead(model, message_ids)).returning(model.message_id)
        return len(session.execute(statement).all())


def _dead(model: type[OutboxMixin], message_ids: Sequence[UUID] | None) -> list[Any]:
    meant = [] if message_ids is None else [model.message_id.in_(message_ids)]
    return [model.died_at.is_not(None), *meant]

"""The table of workers. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import Worker, db


def report(name: str, servers: list[dict[str, Any]]) -> None:
    """Note that a worker is there, and what it knows of the mail servers."""
    values = {"servers": servers, "seen_at": func.now()}
    statement = insert(Worker).values(name=name, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=[Worker.name], set_=values))


def count_within(seconds: float) -> int:
    """How many workers reported themselves within so many seconds."""
    present = select(func.count()).where(Worker.seen_at > func.now() - timedelta(seconds=seconds))
    return int(db.session.scalar(present) or 0)


def seen_within(seconds: float) -> Sequence[Worker]:
    """The workers that reported themselves within so many seconds, by name."""
    query = select(Worker).where(Worker.seen_at > func.now() - timedelta(seconds=seconds))
    return db.session.scalars(query.order_by(Worker.name)).all()


def forget(seconds: float) -> int:
    """Delete the workers that have not reported themselves for so many seconds; how many."""
    statement = delete(Worker).where(Worker.seen_at < func.now() - timedelta(seconds=seconds))
    return len(db.session.scalars(statement.returning(Worker.name)).all())

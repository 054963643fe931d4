"""The table of versions that Redis does not know of yet. Stores never commit."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from services.users.models import Invalidation, db

CHANNEL = "doorward_cache"
BATCH = 100


def add(account_id: UUID, version: int) -> None:
    """Have the relay tell Redis, once the caller's transaction commits."""
    statement = insert(Invalidation).values(account_id=account_id, version=version)
    greatest = func.greatest(Invalidation.version, statement.excluded.version)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=[Invalidation.account_id], set_={"version": greatest})
    )
    db.session.execute(text(f"NOTIFY {CHANNEL}"))


def claim() -> Sequence[Invalidation]:
    """Some of the rows, locked until the transaction ends."""
    return db.session.scalars(select(Invalidation).limit(BATCH).with_for_update(skip_locked=True)).all()


def remove(account_ids: Sequence[UUID]) -> None:
    """Delete the rows of these accounts."""
    db.session.execute(delete(Invalidation).where(Invalidation.account_id.in_(account_ids)))

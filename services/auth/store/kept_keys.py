"""The kept_keys table, as the transactions of use cases see it. Stores never commit."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import KeptKey, db

RECOVERY = "recovery:"  # what the names of keys begin with under which imported recovery codes are hashed


def add(name: str, sealed: str, now: datetime) -> None:
    """Keep a key, unless there is one of that name."""
    statement = insert(KeptKey).values(name=name, sealed=sealed, created_at=now)
    db.session.execute(statement.on_conflict_do_nothing())


def list_sealed(beginning: str) -> Sequence[str]:
    """The sealed keys whose names begin so."""
    return db.session.scalars(select(KeptKey.sealed).where(KeptKey.name.startswith(beginning))).all()

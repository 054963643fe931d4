"""The table of deleted accounts. Stores never commit: the use case owns the transaction.

Who makes a profile and who deletes it wait for each other, so that the one always sees what the other did.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import String, cast, func, select
from sqlalchemy.dialects.postgresql import insert

from services.users.models import Tombstone, db


def stands(account_id: UUID) -> bool:
    """Whether the account was deleted; nobody deletes it before the transaction ends."""
    _lock(account_id)
    return db.session.get(Tombstone, account_id) is not None


def set_up(account_id: UUID, now: datetime) -> None:
    """Say that the account was deleted; harmless when repeated."""
    _lock(account_id)
    row = {"account_id": account_id, "deleted_at": now}
    db.session.execute(insert(Tombstone).values(**row).on_conflict_do_nothing())


def _lock(account_id: UUID) -> None:
    key = func.hashtextextended(cast(str(account_id), String), 0)
    db.session.execute(select(func.pg_advisory_xact_lock(key)))

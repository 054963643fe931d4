"""The throttles table: failures counted atomically, before the try is made."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Throttle, db


def count(key_hash: str, kind: str, *, now: datetime, forgotten_after: timedelta) -> int | None:
    """Count one more failure; the number of them, or None where the key is blocked now."""
    is_forgotten = Throttle.updated_at < now - forgotten_after
    statement = insert(Throttle).values(key_hash=key_hash, kind=kind, failures=1, updated_at=now)
    statement = statement.on_conflict_do_update(
        index_elements=[Throttle.key_hash],
        set_={
            "failures": case((is_forgotten, 1), else_=Throttle.failures + 1),
            "updated_at": now,
            "blocked_until": None,
        },
        where=Throttle.blocked_until.is_(None) | (Throttle.blocked_until <= now),
    )
    failures: int | None = db.session.execute(statement.returning(Throttle.failures)).scalar_one_or_none()
    return failures


def block(key_hash: str, *, until: datetime) -> None:
    """Refuse every further try before ``until``."""
    _change(key_hash, blocked_until=until)


def refuse(key_hash: str) -> datetime | None:
    """Note a refused try; until when the key is blocked."""
    statement = update(Throttle).where(Throttle.key_hash == key_hash)
    statement = statement.values(refusals=Throttle.refusals + 1).returning(Throttle.blocked_until)
    until: datetime | None = db.session.execute(_quick(statement)).scalar_one_or_none()
    return until


def forgive_one(key_hashes: list[str]) -> None:
    """Take one counted failure back: that try succeeded."""
    statement = update(Throttle).where(Throttle.key_hash.in_(key_hashes), Throttle.failures > 0)
    db.session.execute(_quick(statement.values(failures=Throttle.failures - 1, blocked_until=None)))


def forgive_all(key_hashes: list[str]) -> None:
    """Begin the count anew."""
    db.session.execute(_quick(delete(Throttle).where(Throttle.key_hash.in_(key_hashes))))


def find_many(key_hashes: list[str]) -> list[Throttle]:
    """What is counted under these keys."""
    return list(db.session.scalars(select(Throttle).where(Throttle.key_hash.in_(key_hashes))))


def list_refused(limit: int) -> list[Throttle]:
    """What has refused a try and is not forgotten, the latest first."""
    latest = select(Throttle).where(Throttle.refusals > 0).order_by(Throttle.updated_at.desc())
    return list(db.session.scalars(latest.limit(limit)))


def _change(key_hash: str, **values: Any) -> None:
    db.session.execute(_quick(update(Throttle).where(Throttle.key_hash == key_hash).values(**values)))


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)

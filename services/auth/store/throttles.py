"""The throttles table: failures counted atomically, before the try is made."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    DateTime,
    Integer,
    Interval,
    Table,
    bindparam,
    delete,
    extract,
    func,
    literal,
    select,
    update,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Throttle, db

_ROUNDING = 0.001  # of a failure: what is lost between microseconds and floats must not count as one


_table = cast("Table", Throttle.__table__)


def _counting() -> Any:
    """A leaky bucket: each failure moves the moment at which all are forgotten."""
    moment = bindparam("moment", type_=DateTime(timezone=True))
    one = bindparam("forgets_one_after", type_=Interval)
    known = func.coalesce(_table.c.empties_at, moment + _table.c.failures * one)
    empties_at = func.greatest(known, moment) + one
    left = extract("epoch", empties_at - moment) / extract("epoch", one)
    statement = insert(_table).values(
        key_hash=bindparam("key"),
        kind=bindparam("kind_of_key"),
        failures=1,
        empties_at=moment + one,
        updated_at=moment,
    )
    return statement.on_conflict_do_update(
        index_elements=[_table.c.key_hash],
        set_={
            "failures": cast_to(func.ceil(left - _ROUNDING), Integer),
            "empties_at": empties_at,
            "updated_at": moment,
            "blocked_until": None,
        },
        where=_table.c.blocked_until.is_(None) | (_table.c.blocked_until <= moment),
    ).returning(_table.c.failures)


# Built once and run without the ORM: every try begins with it, a wrong guess too.
_COUNT = _counting()


def count(key_hash: str, kind: str, *, now: datetime, forgets_one_after: timedelta) -> int | None:
    """Count one more failure; the number that is not forgotten, or None where the key is blocked now."""
    parameters = {
        "key": key_hash,
        "kind_of_key": kind,
        "moment": now,
        "forgets_one_after": forgets_one_after,
    }
    failures: int | None = db.session.connection().execute(_COUNT, parameters).scalar_one_or_none()
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


def forgive_one(key_hash: str, *, forgets_one_after: timedelta) -> None:
    """Take one counted failure back: that try succeeded."""
    statement = update(Throttle).where(Throttle.key_hash == key_hash, Throttle.failures > 0)
    values = {
        "failures": Throttle.failures - 1,
        "empties_at": Throttle.empties_at - literal(forgets_one_after, Interval),
        "blocked_until": None,
    }
    db.session.execute(_quick(statement.values(values)))


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

"""Resealing: what rests sealed in a service's database is put under the current secret.

After that, and when what clients hold has been renewed, an older secret can be dropped. Which columns are
sealed, for what purpose and with whose secret, each service says in its ``sealed.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import bindparam, select, tuple_, update

from shared.chassis.database import transaction
from shared.chassis.idempotency import ANSWER_PURPOSE, IdempotencyMixin
from shared.chassis.outbox import OutboxMixin
from shared.chassis.sealing import SealBroken, Sealer, message_purpose
from shared.chassis.settings import ProcessSettings
from shared.contracts import queues

BATCH = 500


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, what they are sealed for, and which rows are meant if not all.

    ``is_shared``: others open them too, so they are sealed with the secret that all processes share.
    """

    column: Any
    purpose: str
    where: tuple[Any, ...] = ()
    is_shared: bool = False

    def sealer(self, settings: ProcessSettings) -> Sealer:
        """What seals the values today, and opens those of before."""
        return Sealer(settings.accepted_secrets if self.is_shared else settings.own_secrets, self.purpose)


@dataclass(slots=True)
class Report:
    """What became of the values."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0


def chassis_columns(outbox: type[OutboxMixin], keys: type[IdempotencyMixin]) -> list[SealedColumn]:
    """The sealed columns of the tables that every service has."""
    messages = [
        SealedColumn(
            outbox.sealed, message_purpose(subscriber), (outbox.subscriber == subscriber,), is_shared=True
        )
        for subscriber in queues.QUEUES
    ]
    return [*messages, SealedColumn(keys.sealed_answer, ANSWER_PURPOSE)]


def reseal(db: SQLAlchemy, columns: Sequence[SealedColumn], settings: ProcessSettings) -> Report:
    """Put every value under the current secret; safe to repeat, and while the service runs."""
    report = Report()
    for column in columns:
        sealer, last = column.sealer(settings), None
        while (last := _reseal_batch(db, column, sealer, last, report)) is not None:
            pass
    return report


def _reseal_batch(db: SQLAlchemy, sealed: SealedColumn, sealer: Sealer, after: Any, report: Report) -> Any:
    """Take the rows that follow ``after``; the key of the last, None where there was none."""
    table = sealed.column.class_.__table__
    column, key = table.c[sealed.column.key], list(table.primary_key)
    rows = select(*key, column).where(column.is_not(None), *sealed.where).order_by(*key).limit(BATCH)
    if after is not None:
        rows = rows.where(tuple_(*key) > tuple_(*after))
    with transaction(db) as session:
        found = session.execute(rows).all()
        changes = [(row, renewed) for row in found if (renewed := _renewed(sealer, row[-1], report))]
        # Where the value has changed meanwhile, somebody else has sealed it, and not under an older secret.
        same = [part == bindparam(f"key_{number}") for number, part in enumerate(key)]
        statement = (
            update(table).where(*same, column == bindparam("before")).values({column: bindparam("after")})
        )
        for row, renewed in changes:
            values = {f"key_{number}": part for number, part in enumerate(row[:-1])}
            session.execute(statement, {**values, "before": row[-1], "after": renewed})
    return found[-1][:-1] if found else None


def _renewed(sealer: Sealer, value: str, report: Report) -> str | None:
    if sealer.is_current(value):
        report.current += 1
        return None
    try:
        renewed = sealer.renew(value)
    except SealBroken:
        report.unreadable += 1
        return None
    report.resealed += 1
    return renewed

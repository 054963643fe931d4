"""The table of erasures and their confirmations. Stores never commit: the use case owns the transaction."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from services.users.models import Erasure, Tombstone, db
from shared.contracts import queues


def begin(account_id: UUID, now: datetime) -> None:
    """Wait for the confirmation of every service; those that are there stay."""
    rows = [{"account_id": account_id, "service": name, "asked_at": now} for name in queues.SERVICES]
    db.session.execute(insert(Erasure).values(rows).on_conflict_do_nothing())


def begin_again(account_id: UUID, now: datetime) -> None:
    """Wait for every service's confirmation anew."""
    rows = [
        {"account_id": account_id, "service": name, "asked_at": now, "confirmed_at": None}
        for name in queues.SERVICES
    ]
    statement = insert(Erasure).values(rows)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Erasure.account_id, Erasure.service],
            set_={"asked_at": now, "confirmed_at": None},
        )
    )


def confirm(account_id: UUID, service: str, now: datetime) -> None:
    """Note that the service holds nothing on the account."""
    row = {"account_id": account_id, "service": service, "asked_at": now, "confirmed_at": now}
    statement = insert(Erasure).values(**row)
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Erasure.account_id, Erasure.service], set_={"confirmed_at": now}
        )
    )


def claim_unconfirmed(asked_before: datetime, *, limit: int) -> Sequence[Erasure]:
    """Some erasures that were asked for before then and not confirmed, locked until the transaction ends."""
    wanted = [Erasure.confirmed_at.is_(None), Erasure.asked_at < asked_before]
    statement = select(Erasure).where(*wanted).order_by(Erasure.asked_at).limit(limit)
    return db.session.scalars(statement.with_for_update(skip_locked=True)).all()


def ask_again(account_ids: Iterable[UUID], now: datetime) -> None:
    """Note that those who have not confirmed were asked now."""
    wanted = [Erasure.account_id.in_(list(account_ids)), Erasure.confirmed_at.is_(None)]
    db.session.execute(update(Erasure).where(*wanted).values(asked_at=now))


def tombstones(*, batch: int) -> Iterator[Tombstone]:
    """Every deleted account, in the order of deletion."""
    statement = select(Tombstone).order_by(Tombstone.deleted_at, Tombstone.account_id)
    with closing(db.session.scalars(statement.execution_options(yield_per=batch))) as found:
        yield from found

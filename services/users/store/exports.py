"""The tables of copies. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, text, update

from services.users.models import Export, ExportChunk, ExportPart, db
from shared.contracts import queues

CHANNEL = "doorward_exports"


def add(export_id: UUID, account_id: UUID, now: datetime, *, expires_at: datetime) -> Export:
    """Begin a copy, and wake the relay that collects it once the caller's transaction commits."""
    export = Export(id=export_id, account_id=account_id, created_at=now, expires_at=expires_at)
    db.session.add(export)
    db.session.flush()
    for service in queues.SERVICES:
        db.session.add(ExportPart(export_id=export_id, service=service, next_attempt_at=now))
    db.session.execute(text(f"NOTIFY {CHANNEL}"))
    return export


def lock_account(account_id: UUID) -> None:
    """Let nobody else begin a copy of the account until the transaction ends."""
    key = func.hashtextextended(f"export {account_id}", 0)
    db.session.execute(select(func.pg_advisory_xact_lock(key)))


def find_since(account_id: UUID, since: datetime) -> Export | None:
    """The newest copy of the account that was asked for since."""
    wanted = [Export.account_id == account_id, Export.created_at > since]
    return db.session.scalars(select(Export).where(*wanted).order_by(Export.created_at.desc())).first()


def find(export_id: UUID, account_id: UUID) -> Export | None:
    """The copy, if it is the account's."""
    wanted = [Export.id == export_id, Export.account_id == account_id]
    return db.session.scalars(select(Export).where(*wanted)).one_or_none()


def get(export_id: UUID) -> Export | None:
    """The copy, whosever it is."""
    return db.session.get(Export, export_id, populate_existing=True)


def find_for_update(export_id: UUID) -> Export | None:
    """The copy, locked until the transaction ends; chunks may be added meanwhile."""
    lock = {"key_share": True}
    return db.session.get(Export, export_id, with_for_update=lock, populate_existing=True)


def parts(export_id: UUID) -> Sequence[ExportPart]:
    """How far each service's part is."""
    return db.session.scalars(
        select(ExportPart).where(ExportPart.export_id == export_id).order_by(ExportPart.service)
    ).all()


def claim(now: datetime, *, lease: timedelta) -> ExportPart | None:
    """A part that is to be collected now; nobody else gets it before the lease is over."""
    due = (
        select(ExportPart.export_id, ExportPart.service)
        .where(ExportPart.collected_at.is_(None), ExportPart.next_attempt_at <= now)
        .order_by(ExportPart.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(ExportPart)
        .where(ExportPart.export_id == due.c.export_id, ExportPart.service == due.c.service)
        .values(next_attempt_at=now + lease, attempts=ExportPart.attempts + 1)
        .returning(ExportPart)
    )
    return db.session.scalars(statement).one_or_none()


def put_off(part: ExportPart, until: datetime) -> None:
    """Collect the part later."""
    db.session.execute(update(ExportPart).where(*_is(part)).values(next_attempt_at=until))


def finish(part: ExportPart, now: datetime) -> bool:
    """Note that the part is collected; False where another collection of it has begun since."""
    statement = update(ExportPart).where(*_is(part)).values(collected_at=now)
    return db.session.execute(statement.returning(ExportPart.service)).one_or_none() is not None


def _is(part: ExportPart) -> list[ColumnElement[bool]]:
    return [
        ExportPart.export_id == part.export_id,
        ExportPart.service == part.service,
        ExportPart.attempts == part.attempts,
        ExportPart.collected_at.is_(None),
    ]


def forget_chunks(part: ExportPart) -> None:
    """Delete what an earlier collection of the part left."""
    wanted = [ExportChunk.export_id == part.export_id, ExportChunk.service == part.service]
    db.session.execute(delete(ExportChunk).where(*wanted))


def add_chunk(part: ExportPart, number: int, sealed: str) -> None:
    """Keep some lines of the part."""
    row = {"export_id": part.export_id, "service": part.service, "number": number, "sealed": sealed}
    db.session.execute(insert(ExportChunk).values(**row))


def find_chunk(export_id: UUID, service: str, number: int) -> str | None:
    """A chunk of the part; None after the last."""
    return db.session.scalar(
        select(ExportChunk.sealed).where(
            ExportChunk.export_id == export_id, ExportChunk.service == service, ExportChunk.number == number
        )
    )


def remove_of(account_id: UUID) -> None:
    """Delete every copy of the account."""
    db.session.execute(delete(Export).where(Export.account_id == account_id))

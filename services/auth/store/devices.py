"""The devices table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Account, Device, db


def find_of(owner: Any, token_hashes: list[str]) -> UUID | None:
    """The device with that token, if the account that ``owner`` selects has signed in from it."""
    statement = (
        select(Device.id)
        .join(Account, Account.id == Device.account_id)
        .where(Device.token_hash.in_(token_hashes), owner)
    )
    return db.session.scalar(statement)


def note_use(account_id: UUID, token_hashes: list[str], now: datetime) -> UUID | None:
    """Note a sign-in from a device of the account; its id, or None where it is not one."""
    statement = (
        update(Device)
        .where(Device.token_hash.in_(token_hashes), Device.account_id == account_id)
        .values(last_seen_at=now)
        .returning(Device.id)
    )
    return db.session.execute(statement.execution_options(synchronize_session=False)).scalar_one_or_none()


def ids_of(account_id: UUID) -> Sequence[UUID]:
    """The devices that the account has signed in from."""
    return db.session.scalars(select(Device.id).where(Device.account_id == account_id)).all()


def was_told_of(account_id: UUID, *, user_agent: str, network: str, since: datetime) -> bool:
    """Whether the owner was told since of a device that calls itself so and came from there."""
    wanted = (
        Device.account_id == account_id,
        Device.user_agent == user_agent,
        Device.network == network,
        Device.told_at >= since,
    )
    return bool(db.session.scalar(select(select(Device.id).where(*wanted).exists())))


def add(
    *,
    device_id: UUID,
    account_id: UUID,
    token_hash: str,
    user_agent: str,
    network: str,
    told_at: datetime | None,
    now: datetime,
) -> None:
    """Remember a device."""
    statement = insert(Device).values(
        id=device_id,
        account_id=account_id,
        token_hash=token_hash,
        user_agent=user_agent,
        network=network,
        told_at=told_at,
        created_at=now,
        last_seen_at=now,
    )
    db.session.execute(statement)


def forget_oldest(account_id: UUID, *, keep: int) -> None:
    """Make all but the ``keep`` devices that were seen last strangers."""
    latest = select(Device.id).where(Device.account_id == account_id).order_by(Device.last_seen_at.desc())
    statement = delete(Device).where(Device.account_id == account_id, Device.id.not_in(latest.limit(keep)))
    db.session.execute(statement.execution_options(synchronize_session=False))


def list_of(account_id: UUID) -> Sequence[Device]:
    """The devices of the account, the latest seen first."""
    found = select(Device).where(Device.account_id == account_id)
    return db.session.scalars(found.order_by(Device.last_seen_at.desc())).all()


def forget_all(account_id: UUID, *, but: UUID | None = None) -> None:
    """Make the devices of the account strangers, all but one perhaps."""
    statement = delete(Device).where(Device.account_id == account_id, Device.id.is_distinct_from(but))
    db.session.execute(_quick(statement))


def forget(account_id: UUID, device_id: UUID) -> bool:
    """Make one device of the account a stranger; whether there was one."""
    statement = delete(Device).where(Device.account_id == account_id, Device.id == device_id)
    return db.session.execute(_quick(statement.returning(Device.id))).one_or_none() is not None


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)

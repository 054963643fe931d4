"""The api_keys table. Stores never commit: the use case owns the transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update

from services.auth.models import Account, ApiKey, db


@dataclass(frozen=True, slots=True)
class Holder:
    """A key and the current state of its account."""

    key_id: UUID
    account_id: UUID
    scopes: list[str]
    expires_at: datetime | None
    roles: list[str]
    version: int
    is_verified: bool


def add(**values: Any) -> ApiKey:
    """Make a key."""
    row = ApiKey(**values)
    db.session.add(row)
    db.session.flush()
    return row


def list_of(account_id: UUID) -> list[ApiKey]:
    """The account's keys, newest first."""
    statement = select(ApiKey).where(ApiKey.account_id == account_id).order_by(ApiKey.id.desc())
    return list(db.session.scalars(statement))


def delete(*wanted: Any) -> list[UUID]:
    """Delete the keys that ``wanted`` selects; their ids."""
    statement = sql_delete(ApiKey).where(*wanted).returning(ApiKey.id)
    return list(db.session.scalars(statement.execution_options(synchronize_session=False)))


def delete_one(account_id: UUID, key_id: UUID) -> str | None:
    """Delete a key of the account; its name, if there was one."""
    statement = sql_delete(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == account_id)
    deleted = db.session.execute(
        statement.returning(ApiKey.name).execution_options(synchronize_session=False)
    )
    return deleted.scalar_one_or_none()


def find_one(key_hash: str) -> ApiKey | None:
    """The key with this hash."""
    return db.session.scalars(select(ApiKey).where(ApiKey.key_hash == key_hash)).one_or_none()


def _acts(now: datetime) -> tuple[Any, ...]:
    """Whether a key acts for its account, which is neither disabled nor waits to be deleted."""
    is_expired = ApiKey.expires_at.is_not(None) & (ApiKey.expires_at <= now)
    return Account.is_active, Account.deletes_at.is_(None), ~is_expired


def find_holder(key_hashes: list[str], now: datetime) -> Holder | None:
    """The key with one of these hashes, and its account, if the key acts for it."""
    statement = (
        select(
            ApiKey.id,
            ApiKey.account_id,
            ApiKey.scopes,
            ApiKey.expires_at,
            Account.roles,
            Account.version,
            Account.verified_at.is_not(None),
        )
        .join(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.key_hash.in_(key_hashes), *_acts(now))
    )
    row = db.session.execute(statement).one_or_none()
    return Holder(*row) if row else None


def note_use(key_id: UUID, now: datetime, *, not_since: datetime) -> None:
    """Note that the key was used, not more often than it matters."""
    statement = update(ApiKey).where(
        ApiKey.id == key_id, ApiKey.last_used_at.is_(None) | (ApiKey.last_used_at < not_since)
    )
    db.session.execute(statement.values(last_used_at=now).execution_options(synchronize_session=False))


def find_version(key_id: UUID, now: datetime) -> int | None:
    """The token version of the key's account, if the key acts for it."""
    statement = (
        select(Account.version)
        .join(ApiKey, Account.id == ApiKey.account_id)
        .where(ApiKey.id == key_id, *_acts(now))
    )
    return db.session.scalar(statement)

"""The tables of users: profiles, what guards them, and the chassis's outbox, inbox and idempotency keys."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.chassis.database import new_database
from shared.chassis.idempotency import IdempotencyMixin
from shared.chassis.inbox import InboxMixin
from shared.chassis.outbox import OutboxMixin

db = new_database()

if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What mypy sees of ``db.Model``."""
else:
    Model = db.Model


class Profile(Model):
    """What an account shows of itself. The id is the account's; auth owns address, roles and state."""

    __tablename__ = "profiles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None]
    avatar_url: Mapped[str | None]
    locale: Mapped[str] = mapped_column(server_default="en")
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    roles: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (Index("ix_profiles_created_at_id", "created_at", "id"),)  # the order of the list

    # When auth was asked for the address, roles and state that stand here, by the database's clock.
    mirrored_at: Mapped[datetime | None]


class Tombstone(Model):
    """An account that was deleted: a late message must not make its profile again."""

    __tablename__ = "tombstones"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(index=True)


class Invalidation(Model):
    """A version that Redis could not be told of when it was written; the worker's relay repeats it."""

    __tablename__ = "cache_invalidations"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class Outbox(OutboxMixin, Model):
    """Messages that wait to be told."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

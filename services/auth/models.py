"""The tables of accounts, sessions and mailed codes, and the chassis's outbox, inbox and idempotency keys.

Second factors and keys are in ``factor_models``, records of what happened in ``record_models``.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import BigInteger, Float, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.chassis.database import new_database
from shared.chassis.idempotency import IdempotencyMixin
from shared.chassis.inbox import InboxMixin
from shared.chassis.outbox import OutboxMixin

# Literal, so that every plan can use the partial index of the few accounts that it is true of.
IS_FOREIGN_HASH = "password_hash NOT LIKE '$argon2id$%'"

db = new_database()

if TYPE_CHECKING:

    class Model(DeclarativeBase):
        """What mypy sees of ``db.Model``."""
else:
    Model = db.Model


def account_reference() -> Any:
    """The column that ties a row to its account, and goes with it."""
    return mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)


class Account(Model):
    """Who may sign in. Addresses are stored case-folded; a null password hash means: not by password."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str | None]
    locale: Mapped[str] = mapped_column(server_default="en")
    password_hash: Mapped[str | None]
    roles: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    verified_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    last_sign_in_at: Mapped[datetime | None]
    told_of_registration_at: Mapped[datetime | None]
    deletes_at: Mapped[datetime | None] = mapped_column(index=True)

    # For searches by the beginning of an address, which the unique index serves in the C locale only.
    __table_args__ = (
        Index("ix_accounts_email_prefix", "email", postgresql_ops={"email": "text_pattern_ops"}),
        Index("ix_accounts_foreign_hash", "id", postgresql_where=text(IS_FOREIGN_HASH)),
    )


class Session(Model):
    """One sign-in on one device: a row that every refresh updates in place.

    ``counter`` numbers the refresh tokens, ``rotations`` says when the latest of them were superseded
    (unix seconds, newest first). The tokens themselves are derived from the shared secret and stored nowhere.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = account_reference()
    counter: Mapped[int] = mapped_column(BigInteger, server_default="1")
    rotations: Mapped[list[float]] = mapped_column(ARRAY(Float), server_default="{}")
    methods: Mapped[list[str]] = mapped_column(JSONB)
    authenticated_at: Mapped[datetime]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ip: Mapped[str]
    user_agent: Mapped[str]
    device_id: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]


class Challenge(Model):
    """A mailed code and link: one living row per account and purpose, so that only the newest counts."""

    __tablename__ = "challenges"

    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    code_hash: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    tries_left: Mapped[int]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    consumed_at: Mapped[datetime | None]


class Ticket(Model):
    """Something begun that waits for its second half: a sign-in for its second factor, a passkey ceremony."""

    __tablename__ = "tickets"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Device(Model):
    """A browser or app that has signed in before; it keeps its way in while strangers guess."""

    __tablename__ = "devices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = account_reference()
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_agent: Mapped[str]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)


class Outbox(OutboxMixin, Model):
    """Messages that wait to be told."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

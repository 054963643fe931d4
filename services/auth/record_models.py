"""The tables of what was asked for, what went wrong and what happened."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models import Model


class MailRequest(Model):
    """A wish for a mail, written without a look at whether the address is known.

    Known and unknown addresses so cost a request the same work; the worker looks, and mails or not.
    """

    __tablename__ = "mail_requests"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    sealed: Mapped[str]
    attempts: Mapped[int] = mapped_column(server_default="0")
    available_at: Mapped[datetime] = mapped_column(index=True)


class Throttle(Model):
    """Failed tries on one thing: an identifier, a client address, a device, an account's second factors."""

    __tablename__ = "throttles"

    key_hash: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    failures: Mapped[int]
    refusals: Mapped[int] = mapped_column(server_default="0")
    blocked_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)


class AuditEvent(Model):
    """Who did what to whom, from where. The database refuses to change a row."""

    __tablename__ = "audit_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_audit_events_account_id_id", "account_id", "id"),
        Index("ix_audit_events_action_id", "action", "id"),
    )


class Revocation(Model):
    """Tokens that are dead before their time, for as long as the longest of them would have lived."""

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    member: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    published_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_revocations_unpublished", "id", postgresql_where=text("published_at IS NULL")),
    )

"""The tables of what was begun and waits for its proof: mailed codes and links, tickets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


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

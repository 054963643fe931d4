"""The tables of deliveries and of the attempts at them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.notifications.models.database import Model
from services.notifications.models.messages import Message

WAITING = ("queued", "scheduled", "retrying")
ENDED = ("sent", "failed", "bounced", "cancelled", "suppressed", "outcome_unknown")
IS_WAITING = text("status IN ('queued', 'scheduled', 'retrying')")
IS_ENDED = "status IN ('sent', 'failed', 'bounced', 'cancelled', 'suppressed', 'outcome_unknown')"
ANSWER_WORDS = "to_tsvector('simple'::regconfig, coalesce(detail, ''))"  # what an answer is found by


class Delivery(Model):
    """One message on one channel to one address: where it stands, and when it is tried next."""

    __tablename__ = "deliveries"
    __table_args__ = (
        # The relay reads the front of it many times a second: rows that are due later cost nothing there.
        Index("ix_deliveries_due", "lane", "next_attempt_at", postgresql_where=IS_WAITING),
        Index("ix_deliveries_lease", "lease_until", postgresql_where=text("status = 'sending'")),
        Index("ix_deliveries_ended", "updated_at", postgresql_where=text(IS_ENDED)),
        Index("ix_deliveries_content", "updated_at", postgresql_where=text(f"has_content AND {IS_ENDED}")),
        Index("ix_deliveries_address_key_message_id", "address_key", "message_id"),
        Index("ix_deliveries_status_message_id", "status", "message_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str]
    lane: Mapped[str]
    address: Mapped[str]
    address_key: Mapped[str]  # the address as it is compared and counted
    header_message_id: Mapped[str]  # the Message-ID header, the same for every attempt
    status: Mapped[str]
    reason: Mapped[str | None]
    # The fence: an attempt is known by its number, and only the newest one may finish.
    attempt_count: Mapped[int] = mapped_column(server_default="0")
    retry_count: Mapped[int] = mapped_column(server_default="0")  # attempts since acceptance or resending
    phase: Mapped[str | None]  # handed_over: from there on the outcome is known to the mail server alone
    server: Mapped[str | None]  # where the newest attempt handed it over
    lease_until: Mapped[datetime | None]
    due_at: Mapped[datetime]  # from its acceptance, its `send_at` or its last resending
    next_attempt_at: Mapped[datetime]
    has_content: Mapped[bool] = mapped_column(server_default=text("true"))
    actions: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    message: Mapped[Message] = relationship(back_populates="deliveries")


class Attempt(Model):
    """An attempt at a delivery that has ended; rows are added and never changed."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index("ix_attempts_server_ended_at", "server", "ended_at"),
        Index("ix_attempts_detail", text(ANSWER_WORDS), postgresql_using="gin"),
    )

    delivery_id: Mapped[UUID] = mapped_column(
        ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    server: Mapped[str | None]
    phase: Mapped[str | None]  # the last one of the conversation that the attempt reached
    outcome: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[str | None]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]

"""The tables of notifications: mails, what happened to each, who is who, and the chassis's tables."""

from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Table, text
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


def table_of(model: type[Model]) -> Table:
    """The table behind ``model``."""
    return cast("Table", model.__table__)


class Notification(Model):
    """One mail to one address, from its acceptance to its end."""

    __tablename__ = "notifications"
    __table_args__ = (
        # What the relay looks for, many times a second: small, since finished mails are not in it.
        Index(
            "ix_notifications_due",
            "next_attempt_at",
            postgresql_where=text("status IN ('queued', 'scheduled', 'retrying', 'sending')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    template: Mapped[str]
    template_version: Mapped[int] = mapped_column(server_default="1")  # the one that it was accepted with
    locale: Mapped[str]
    topic: Mapped[str]
    to_email: Mapped[str] = mapped_column(index=True)
    account_id: Mapped[UUID | None] = mapped_column(index=True)
    requested_by: Mapped[UUID | None]  # whose token asked for it; None: another service
    sealed_variables: Mapped[str | None]  # holds codes and links: sealed, and erased in time
    status: Mapped[str]
    reason: Mapped[str | None]
    trace: Mapped[dict[str, str] | None] = mapped_column(
        JSONB
    )  # of who asked for it; attempts go on under it
    message_id: Mapped[str]  # the Message-ID header, the same for every attempt
    attempts: Mapped[int] = mapped_column(server_default="0")
    attempt_id: Mapped[UUID | None]  # the fence: only the attempt that holds it may finish
    phase: Mapped[str | None]  # handed_over: from there on the outcome is known to the mail server alone
    lease_until: Mapped[datetime | None]
    # From when on it is tried: from its acceptance, its `send_at` or its last resending.
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    next_attempt_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(index=True)
    updated_at: Mapped[datetime]


class Event(Model):
    """Something that happened to a mail; rows are added and never changed."""

    __tablename__ = "notification_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    notification_id: Mapped[UUID] = mapped_column(
        ForeignKey("notifications.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str]
    detail: Mapped[str | None]
    occurred_at: Mapped[datetime]


class Recipient(Model):
    """The address of an account, and the language of its owner, as its messages told them."""

    __tablename__ = "recipients"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    locale: Mapped[str | None]
    told_at: Mapped[datetime]


class Outbox(OutboxMixin, Model):
    """Messages that wait to be told."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

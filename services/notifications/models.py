"""The tables of notifications: messages, deliveries, attempts, templates, who is who, and the chassis's."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

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

WAITING = ("queued", "scheduled", "retrying")
ENDED = ("sent", "failed", "bounced", "cancelled", "suppressed", "outcome_unknown")
IS_WAITING = text("status IN ('queued', 'scheduled', 'retrying')")
IS_ENDED = "status IN ('sent', 'failed', 'bounced', 'cancelled', 'suppressed', 'outcome_unknown')"
ANSWER_WORDS = "to_tsvector('simple'::regconfig, coalesce(detail, ''))"  # what an answer is found by


def table_of(model: type[Model]) -> Table:
    """The table behind ``model``."""
    return cast("Table", model.__table__)


class Message(Model):
    """What somebody asked for: a template, its variables and its topic."""

    __tablename__ = "messages"
    __table_args__ = (Index("ix_messages_template_id", "template", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    template: Mapped[str]
    template_version: Mapped[int] = mapped_column(server_default="1")  # the one that it was accepted with
    locale: Mapped[str]
    topic: Mapped[str]
    account_id: Mapped[UUID | None] = mapped_column(index=True)  # whom it is for, where that is an account
    requested_by: Mapped[UUID | None]  # whose token asked for it; None: another service
    sealed_variables: Mapped[str | None]  # holds codes and links: sealed, and erased in time
    trace: Mapped[dict[str, str] | None] = mapped_column(JSONB)  # of the request; attempts continue it
    expires_at: Mapped[datetime | None]
    idempotency_key: Mapped[str | None]  # the row of the request that asked for it, which lives as long
    content_hash: Mapped[str | None]  # keyed; the same content to the same address has the same
    created_at: Mapped[datetime] = mapped_column(index=True)

    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="message", passive_deletes=True)


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


class Topic(Model):
    """What a team's messages are about: readers choose by it, and critical ones cannot be switched off."""

    __tablename__ = "topics"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[dict[str, str]] = mapped_column(JSONB)  # by language
    is_critical: Mapped[bool]
    channels: Mapped[list[str]] = mapped_column(JSONB)
    created_at: Mapped[datetime]


class StoredTemplate(Model):
    """A template that the team has written, in the place of one of Doorward's or beside them."""

    __tablename__ = "templates"

    name: Mapped[str] = mapped_column(primary_key=True)
    current: Mapped[int]  # the version that new messages get
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TemplateVersion(Model):
    """What a template says; rows are added and never changed, since messages are rendered by them."""

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("name", "content_hash", name="uq_template_versions_name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[str]
    source: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_built_in: Mapped[bool]  # of a release of Doorward, and not of the team
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Recipient(Model):
    """The address of an account, and the name and language of its owner, as messages reported them."""

    __tablename__ = "recipients"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    locale: Mapped[str | None]
    name: Mapped[str | None]
    # The version of the profile that name and language are of; 0: what auth knew at the registration.
    profile_version: Mapped[int] = mapped_column(BigInteger, server_default="0")
    told_at: Mapped[datetime]
    # A deleted account keeps its row, so that no late message brings it back.
    deleted_at: Mapped[datetime | None]


class Outbox(OutboxMixin, Model):
    """Messages that wait to be published."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

    __table_args__ = (Index("ix_idempotency_keys_free", "started_at", postgresql_where=text("NOT is_kept")),)

    is_kept: Mapped[bool] = mapped_column(server_default=text("false"))  # as long as its message


class Worker(Model):
    """A worker process as it reported itself last: what it knows of the mail servers."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    servers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    seen_at: Mapped[datetime]


class PeriodicWork(Model):
    """When a kind of work is due again: whoever moves that on does it."""

    __tablename__ = "periodic_work"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime]

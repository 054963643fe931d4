"""The tables that the chassis needs in every service's database."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model
from shared.chassis.idempotency import IdempotencyMixin
from shared.chassis.inbox import InboxMixin
from shared.chassis.outbox import OutboxMixin


class Outbox(OutboxMixin, Model):
    """Messages that wait to be published."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

    __table_args__ = (Index("ix_idempotency_keys_free", "started_at", postgresql_where=text("NOT is_kept")),)

    is_kept: Mapped[bool] = mapped_column(server_default=text("false"))  # as long as its message

"""The table of messages: what somebody asked for."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.notifications.models.database import Model

if TYPE_CHECKING:
    from services.notifications.models.deliveries import Delivery


class Message(Model):
    """What somebody asked for: a template, its variables and its topic."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_template_id", "template", "id"),
        # Most messages are Doorward's own. An account that is deleted is looked for among the others.
        Index("ix_messages_requested_by", "requested_by", postgresql_where=text("requested_by IS NOT NULL")),
    )

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

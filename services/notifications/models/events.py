"""The table of lifecycle events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model


class Event(Model):
    """Something that happened; rows are added and never changed."""

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_account_id_position", "account_id", "position"),
        Index("ix_events_organization_id_position", "organization_id", "position"),
        Index("ix_events_type_position", "type", "position"),
    )

    # The order in which events are listed, which is the order of the commits that stored them.
    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    type: Mapped[str]
    account_id: Mapped[UUID | None]
    organization_id: Mapped[UUID | None]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime]
    stored_at: Mapped[datetime] = mapped_column(index=True)

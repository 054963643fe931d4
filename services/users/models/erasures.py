"""The table of who has erased what was held on a deleted account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model


class Erasure(Model):
    """A service, and when it confirmed that it holds nothing on the account; null: not yet."""

    __tablename__ = "erasures"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_erasures_open", "asked_at", postgresql_where=text("confirmed_at IS NULL")),)

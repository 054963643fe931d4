"""The table of known devices."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model, account_reference


class Device(Model):
    """A browser or app that has signed in before; it keeps its way in while strangers guess."""

    __tablename__ = "devices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = account_reference()
    token_hash: Mapped[str] = mapped_column(unique=True)
    user_agent: Mapped[str]
    network: Mapped[str | None]
    told_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime] = mapped_column(index=True)

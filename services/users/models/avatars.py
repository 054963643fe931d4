"""The table of stored pictures."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model


class Avatar(Model):
    """A picture in the store: noted before it is written, and until it is deleted."""

    __tablename__ = "avatars"

    name: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(index=True)
    stored_at: Mapped[datetime] = mapped_column(index=True)

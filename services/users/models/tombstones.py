"""The table of deleted accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model


class Tombstone(Model):
    """An account that was deleted: a late message must not make its profile again."""

    __tablename__ = "tombstones"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(index=True)

"""The table of topics."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model


class Topic(Model):
    """What a team's messages are about: readers choose by it, and critical ones cannot be switched off."""

    __tablename__ = "topics"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[dict[str, str]] = mapped_column(JSONB)  # by language
    is_critical: Mapped[bool]
    channels: Mapped[list[str]] = mapped_column(JSONB)
    created_at: Mapped[datetime]

"""The tables of copies that owners have asked for."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model


class Export(Model):
    """A copy of all that is held on an account: complete at ``ready_at``, kept until ``expires_at``."""

    __tablename__ = "exports"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(index=True)
    created_at: Mapped[datetime]
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ExportPart(Model):
    """What one service holds: collected at ``collected_at``, else tried at ``next_attempt_at``."""

    __tablename__ = "export_parts"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    # The fence: a collection is known by its number, and only the newest may finish.
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime]
    collected_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_export_parts_due", "next_attempt_at", postgresql_where=text("collected_at IS NULL")),
    )


class ExportChunk(Model):
    """Some lines of a part, sealed."""

    __tablename__ = "export_chunks"

    export_id: Mapped[UUID] = mapped_column(ForeignKey("exports.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    sealed: Mapped[str]

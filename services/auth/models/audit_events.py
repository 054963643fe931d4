"""The audit log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.auth.models.database import Model


class AuditEvent(Model):
    """Who did what to whom, from where. The database refuses to change a row,
    but for what is personal of an account that is gone.
    """

    __tablename__ = "audit_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_kind: Mapped[str | None]
    credential_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None]
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_audit_events_account_id_id", "account_id", "id"),
        Index("ix_audit_events_action_id", "action", "id"),
        Index(
            "ix_audit_events_foreign_actor",
            "actor_id",
            postgresql_where=text("actor_id IS DISTINCT FROM account_id"),
        ),
    )

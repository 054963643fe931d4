"""The tables of workers, and of the work that one of them does for all."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model


class Worker(Model):
    """A worker process as it reported itself last: what it knows of the mail servers."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(primary_key=True)
    servers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    seen_at: Mapped[datetime]


class PeriodicWork(Model):
    """When a kind of work is due again: whoever moves that on does it."""

    __tablename__ = "periodic_work"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_run_at: Mapped[datetime]
    last_run_at: Mapped[datetime]

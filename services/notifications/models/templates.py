"""The tables of templates and of their versions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.notifications.models.database import Model


class StoredTemplate(Model):
    """A template that the team has written, in the place of one of Doorward's or beside them."""

    __tablename__ = "templates"

    name: Mapped[str] = mapped_column(primary_key=True)
    current: Mapped[int]  # the version that new messages get
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TemplateVersion(Model):
    """What a template says; rows are added and never changed, since messages are rendered by them."""

    __tablename__ = "template_versions"
    __table_args__ = (UniqueConstraint("name", "content_hash", name="uq_template_versions_name"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content_hash: Mapped[str]
    source: Mapped[dict[str, Any]] = mapped_column(JSONB)
    is_built_in: Mapped[bool]  # of a release of Doorward, and not of the team
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

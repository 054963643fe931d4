"""The table of profiles."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model

_NAME_KEY = "(COALESCE(lower(name), '')) COLLATE \"C\""


class Profile(Model):
    """What an account shows of itself. The id is the account's; auth owns address, roles and state."""

    __tablename__ = "profiles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(index=True)
    name: Mapped[str | None]
    avatar_url: Mapped[str | None]  # of a picture elsewhere
    avatar_name: Mapped[str | None]  # of an uploaded one; never both
    locale: Mapped[str] = mapped_column(server_default="en")
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    roles: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    public_details: Mapped[dict[str, Any]] = mapped_column("public_metadata", JSONB, server_default="{}")
    admin_details: Mapped[dict[str, Any]] = mapped_column("admin_metadata", JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    # The orders of the list, and its filters. Where the server has pg_trgm, name and email have trigrams too.
    # The first has what a search by text asks about, so that it reads no profile that does not match.
    __table_args__ = (
        Index(
            "ix_profiles_in_order", "created_at", "id", text(_NAME_KEY), postgresql_include=["name", "email"]
        ),
        Index("ix_profiles_name_key", text(_NAME_KEY), "id"),
        Index("ix_profiles_email_key", text('email COLLATE "C"'), "id"),
        Index("ix_profiles_inactive", "created_at", "id", postgresql_where=text("NOT is_active")),
        Index(
            "ix_profiles_roles",
            "roles",
            postgresql_using="gin",
            postgresql_ops={"roles": "jsonb_path_ops"},
            postgresql_where=text("roles <> '[]'"),
        ),
    )

    # When auth was asked for the address, roles and state that stand here, by the database's clock.
    mirrored_at: Mapped[datetime | None]

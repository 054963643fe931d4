"""The tables of organizations: themselves, who belongs to them, who is invited, and what was done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.users.models.database import Model

_IS_ROLE = "role IN ('owner', 'admin', 'member')"
_IS_STATUS = "status IN ('pending', 'accepted', 'declined', 'revoked')"


def _organization_reference(**options: Any) -> Mapped[UUID]:
    return mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), **options)


class Organization(Model):
    """A group of accounts that work together.

    ``version`` grows with every change of the organization or of one of its memberships.
    """

    __tablename__ = "organizations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(unique=True)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB, server_default="{}")
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Membership(Model):
    """An account in an organization. ``version`` is the organization's when the membership last changed."""

    __tablename__ = "memberships"

    organization_id: Mapped[UUID] = _organization_reference(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    role: Mapped[str]
    version: Mapped[int] = mapped_column(BigInteger)
    joined_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (CheckConstraint(_IS_ROLE, name="role"),)


class Invitation(Model):
    """An invitation by mail: only hashes of its token and code are stored, and it serves once."""

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID] = _organization_reference()
    email: Mapped[str]
    role: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    code_hash: Mapped[str]
    tries_left: Mapped[int]
    invited_by: Mapped[UUID | None] = mapped_column(index=True)
    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(_IS_ROLE, name="role"),
        CheckConstraint(_IS_STATUS, name="status"),
        Index("ix_invitations_organization_id_id", "organization_id", "id"),
        Index("ix_invitations_email", "email"),
        Index(
            "uq_invitations_pending",
            "organization_id",
            "email",
            unique=True,
            postgresql_where=text("status = 'pending'"),
        ),
    )


class OrganizationEvent(Model):
    """What was done in an organization: by whom, and to whose membership. It outlives the organization."""

    __tablename__ = "organization_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    account_id: Mapped[UUID | None] = mapped_column(index=True)
    request_id: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")

    __table_args__ = (
        Index("ix_organization_events_organization_id_id", "organization_id", "id"),
        Index("ix_organization_events_actor_id", "actor_id", "action", "occurred_at"),
    )

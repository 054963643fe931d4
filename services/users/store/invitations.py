"""The invitations table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, update

from services.users.models import Invitation, Organization, db


def add(invitation: Invitation) -> None:
    """Make an invitation; the organization is locked."""
    db.session.add(invitation)
    db.session.flush()


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Invitation.status == "pending", Invitation.expires_at > now


def find_pending(organization_id: UUID, email: str) -> Invitation | None:
    """The invitation of the address that was not settled yet, expired or not."""
    wanted = (
        Invitation.organization_id == organization_id,
        Invitation.email == email,
        Invitation.status == "pending",
    )
    return db.session.scalars(select(Invitation).where(*wanted)).one_or_none()


def count_open(organization_id: UUID, now: datetime) -> int:
    """How many invitations of the organization can still be accepted."""
    wanted = (Invitation.organization_id == organization_id, *_is_open(now))
    return int(db.session.scalar(select(func.count()).select_from(Invitation).where(*wanted)) or 0)


def list_page(organization_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Invitation]:
    """Up to ``limit`` invitations of the organization, newest first."""
    statement = select(Invitation).where(Invitation.organization_id == organization_id)
    if before is not None:
        statement = statement.where(Invitation.id < before)
    return db.session.scalars(statement.order_by(Invitation.id.desc()).limit(limit)).all()


def list_open_to(
    email: str, now: datetime, *, before: UUID | None, limit: int
) -> Sequence[tuple[Invitation, Organization]]:
    """Up to ``limit`` invitations of the address that can be accepted, newest first."""
    statement = select(Invitation, Organization).join(
        Organization, Organization.id == Invitation.organization_id
    )
    statement = statement.where(Invitation.email == email, *_is_open(now))
    if before is not None:
        statement = statement.where(Invitation.id < before)
    rows = db.session.execute(statement.order_by(Invitation.id.desc()).limit(limit)).all()
    return [(row[0], row[1]) for row in rows]


def find_open_by_token(token_hash: str, now: datetime) -> Invitation | None:
    """The invitation that a link belongs to."""
    wanted = (Invitation.token_hash == token_hash, *_is_open(now))
    return db.session.scalars(select(Invitation).where(*wanted)).one_or_none()


def find_open_to(invitation_id: UUID, email: str, now: datetime) -> Invitation | None:
    """The invitation, if it is to this address."""
    wanted = (Invitation.id == invitation_id, Invitation.email == email, *_is_open(now))
    return db.session.scalars(select(Invitation).where(*wanted)).one_or_none()


def take_tries(email: str, now: datetime) -> Sequence[Invitation]:
    """Use up one try of every code that was mailed to the address; those that had one left."""
    statement = (
        update(Invitation)
        .where(Invitation.email == email, Invitation.tries_left > 0, *_is_open(now))
        .values(tries_left=Invitation.tries_left - 1)
        .returning(Invitation)
    )
    return db.session.scalars(statement).all()


def settle(invitation_id: UUID, status: str, now: datetime) -> bool:
    """Consume the invitation; False where that was done already, or it has expired.

    One conditional UPDATE: of many at once exactly one finds it pending.
    """
    statement = (
        update(Invitation)
        .where(Invitation.id == invitation_id, *_is_open(now))
        .values(status=status, settled_at=now)
        .returning(Invitation.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def revoke(organization_id: UUID, invitation_id: UUID, now: datetime) -> bool:
    """Revoke the organization's invitation, expired or not; False where it is settled."""
    statement = (
        update(Invitation)
        .where(Invitation.organization_id == organization_id, Invitation.id == invitation_id)
        .where(Invitation.status == "pending")
        .values(status="revoked", settled_at=now)
        .returning(Invitation.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def forget(account_id: UUID, emails: Sequence[str]) -> None:
    """Delete the invitations of these addresses, and forget that the account invited others."""
    db.session.execute(delete(Invitation).where(Invitation.email.in_(emails)))
    invited = update(Invitation).where(Invitation.invited_by == account_id)
    db.session.execute(invited.values(invited_by=None))

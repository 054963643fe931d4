"""The table of what was done in organizations. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update

from services.users.models import OrganizationEvent, db


def add(values: dict[str, Any]) -> None:
    """Note an event."""
    db.session.execute(insert(OrganizationEvent).values(**values))


def list_page(organization_id: UUID, *, before: UUID | None, limit: int) -> Sequence[OrganizationEvent]:
    """Up to ``limit`` events of the organization, newest first."""
    statement = select(OrganizationEvent).where(OrganizationEvent.organization_id == organization_id)
    if before is not None:
        statement = statement.where(OrganizationEvent.id < before)
    return db.session.scalars(statement.order_by(OrganizationEvent.id.desc()).limit(limit)).all()


def count_by(actor_id: UUID, action: str, *, since: datetime) -> int:
    """How often the account has done that since."""
    wanted = (
        OrganizationEvent.actor_id == actor_id,
        OrganizationEvent.action == action,
        OrganizationEvent.occurred_at > since,
    )
    return int(db.session.scalar(select(func.count()).select_from(OrganizationEvent).where(*wanted)) or 0)


def forget(account_id: UUID) -> None:
    """Forget who it was and whom it concerned, where that is this account."""
    for column in (OrganizationEvent.actor_id, OrganizationEvent.account_id):
        db.session.execute(update(OrganizationEvent).where(column == account_id).values({column: None}))

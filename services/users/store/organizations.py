"""The organizations table. Stores never commit: the use case owns the transaction.

Whoever changes an organization, its members or its invitations locks its row first, so that all of it is
decided one after another.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.users.models import Membership, Organization, db

MICROSECONDS = 1_000_000


def add(**values: Any) -> Organization | None:
    """Make an organization; None where another one has its slug."""
    statement = insert(Organization).values(**values).on_conflict_do_nothing(index_elements=["slug"])
    return db.session.scalars(statement.returning(Organization)).one_or_none()


def rename(organization: Organization, slug: str) -> bool:
    """Give the locked organization another slug; False where another organization has it."""
    try:
        with db.session.begin_nested():
            organization.slug = slug
            db.session.flush()
    except IntegrityError:
        return False
    return True


def find_of_member(organization_id: UUID, account_id: UUID) -> tuple[Organization, Membership] | None:
    """The organization and the account's membership, if it has one."""
    found = db.session.execute(_of_member(account_id).where(Organization.id == organization_id)).one_or_none()
    return None if found is None else (found[0], found[1])


def list_of_member(
    account_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[tuple[Organization, Membership]]:
    """Up to ``limit`` organizations of the account, by id."""
    statement = _of_member(account_id)
    if after is not None:
        statement = statement.where(Organization.id > after)
    rows = db.session.execute(statement.order_by(Organization.id).limit(limit)).all()
    return [(row[0], row[1]) for row in rows]


def _of_member(account_id: UUID) -> Any:
    joined = select(Organization, Membership).join(Membership, Membership.organization_id == Organization.id)
    return joined.where(Membership.account_id == account_id).execution_options(populate_existing=True)


def lock(organization_id: UUID) -> Organization | None:
    """The organization, locked until the transaction ends."""
    lock_mode = {"key_share": True}
    return db.session.get(Organization, organization_id, with_for_update=lock_mode, populate_existing=True)


def stamp(organization: Organization, now: datetime) -> int:
    """Give the locked organization its next version: it grows, after an older backup was restored too."""
    organization.version = max(organization.version + 1, int(now.timestamp() * MICROSECONDS))
    return organization.version


def remove(organization: Organization) -> None:
    """Delete the organization with its memberships and invitations."""
    db.session.execute(delete(Organization).where(Organization.id == organization.id))


def count_owned(account_id: UUID) -> int:
    """How many organizations the account owns."""
    wanted = (Membership.account_id == account_id, Membership.role == "owner")
    return int(db.session.scalar(select(func.count()).select_from(Membership).where(*wanted)) or 0)

"""The memberships table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, case, delete, exists, func, select, tuple_
from sqlalchemy.orm import aliased

from services.users.models import Membership, Organization, OrganizationEvent, Profile, db

ENDED_WITH_ITS_ORGANIZATION = 2**53 - 1  # a version that no organization reaches; its id never comes back


class Standing(NamedTuple):
    """Whether an account that is or was a member is one now. ``role`` is None where it is none."""

    organization_id: UUID
    account_id: UUID
    role: str | None
    version: int


def add(membership: Membership) -> None:
    """Make a membership; the organization is locked."""
    db.session.add(membership)
    db.session.flush()


def find(organization_id: UUID, account_id: UUID) -> Membership | None:
    """The membership as it is now, if there is one."""
    return db.session.get(Membership, (organization_id, account_id), populate_existing=True)


def list_page(
    organization_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[tuple[Membership, Profile | None]]:
    """Up to ``limit`` members with their profiles, by account id."""
    statement = select(Membership, Profile).outerjoin(Profile, Profile.id == Membership.account_id)
    statement = statement.where(Membership.organization_id == organization_id)
    if after is not None:
        statement = statement.where(Membership.account_id > after)
    rows = db.session.execute(statement.order_by(Membership.account_id).limit(limit)).all()
    return [(row[0], row[1]) for row in rows]


def list_all(organization_id: UUID) -> Sequence[Membership]:
    """Every membership of the organization."""
    return db.session.scalars(select(Membership).where(Membership.organization_id == organization_id)).all()


def list_standings(*, after: tuple[UUID, UUID] | None, limit: int) -> Sequence[Standing]:
    """Up to ``limit`` memberships that there are or were, by organization and account."""
    event = OrganizationEvent
    was = select(event.organization_id, event.account_id).where(
        event.account_id.is_not(None), event.action.startswith("membership_")
    )
    ever = select(Membership.organization_id, Membership.account_id).union(was).subquery()
    pair = tuple_(ever.c.organization_id, ever.c.account_id)
    version = func.coalesce(Membership.version, Organization.version, ENDED_WITH_ITS_ORGANIZATION)
    is_its = (
        Membership.organization_id == ever.c.organization_id,
        Membership.account_id == ever.c.account_id,
    )
    statement = (
        select(ever.c.organization_id, ever.c.account_id, Membership.role, version)
        .outerjoin(Membership, and_(*is_its))
        .outerjoin(Organization, Organization.id == ever.c.organization_id)
    )
    if after is not None:
        statement = statement.where(pair > tuple_(*after))
    rows = db.session.execute(
        statement.order_by(ever.c.organization_id, ever.c.account_id).limit(limit)
    ).all()
    return [Standing(*row) for row in rows]


def count_owners(organization_id: UUID) -> int:
    """How many owners the organization has."""
    wanted = (Membership.organization_id == organization_id, Membership.role == "owner")
    return int(db.session.scalar(select(func.count()).select_from(Membership).where(*wanted)) or 0)


def remove(membership: Membership) -> None:
    """End a membership."""
    db.session.execute(
        delete(Membership).where(
            Membership.organization_id == membership.organization_id,
            Membership.account_id == membership.account_id,
        )
    )


def organization_ids_of(account_id: UUID) -> Sequence[UUID]:
    """The organizations of the account, in the order in which they are locked."""
    statement = select(Membership.organization_id).where(Membership.account_id == account_id)
    return db.session.scalars(statement.order_by(Membership.organization_id)).all()


def list_left_without_owner(account_id: UUID) -> Sequence[Organization]:
    """The organizations that have other members, and no owner but this account."""
    own, other = aliased(Membership), aliased(Membership)
    same = other.organization_id == own.organization_id
    is_other = exists().where(same, other.account_id != account_id)
    statement = (
        select(Organization)
        .join(own, own.organization_id == Organization.id)
        .where(own.account_id == account_id, own.role == "owner")
        .where(is_other, ~is_other.where(other.role == "owner"))
    )
    return db.session.scalars(statement.order_by(Organization.id)).all()


def find_successor(organization_id: UUID, account_id: UUID) -> Membership | None:
    """Who would own the organization without this account: the longest-standing admin, else member."""
    statement = (
        select(Membership)
        .where(Membership.organization_id == organization_id, Membership.account_id != account_id)
        .order_by(case((Membership.role == "admin", 0), else_=1), Membership.joined_at, Membership.account_id)
        .limit(1)
    )
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()

"""The use cases on members: list, change a role, remove, leave, hand the organization over."""

from typing import Any
from uuid import UUID

from services.users.errors import MemberNotFound
from services.users.models import Membership, Profile, db
from services.users.organizations import memberships, roles, seats
from services.users.profiles.rendering import avatar_url
from services.users.store import memberships as store
from shared.chassis import pagination
from shared.chassis.access import OrganizationRoleRequired
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.errors import InvalidRequest


def list_page(organization_id: UUID, account_id: UUID, *, limit: int, cursor: UUID | None) -> dict[str, Any]:
    """One page of the members, for every member; raises OrganizationNotFound."""
    seats.get(organization_id, account_id)
    rows = store.list_page(organization_id, after=cursor, limit=limit + 1)
    page = pagination.page_of(rows, limit=limit, key=lambda row: row[0].account_id)
    return {**page, "items": [_shown_with_profile(*row) for row in page["items"]]}


def change(organization_id: UUID, account_id: UUID, member_id: UUID, *, role: str) -> dict[str, Any]:
    """Give a member another role.

    Raises OrganizationNotFound, MemberNotFound, OrganizationRoleRequired, LastOwner.
    """
    with transaction(db):
        seat = seats.lock(organization_id, account_id, at_least=roles.ADMIN)
        membership = _get(organization_id, member_id)
        if not roles.may_change(seat.role, before=membership.role, after=role):
            raise OrganizationRoleRequired
        memberships.change(seat.organization, membership, role, utcnow())
        return shown(membership)


def remove(organization_id: UUID, account_id: UUID, member_id: UUID) -> None:
    """Leave, or remove another member; raises as ``change`` does."""
    with transaction(db):
        seat = seats.lock(organization_id, account_id)
        membership = _get(organization_id, member_id)
        is_leaving = member_id == account_id
        if not is_leaving and not roles.may_give(seat.role, membership.role):
            raise OrganizationRoleRequired
        memberships.end(seat.organization, membership, utcnow())


def transfer(organization_id: UUID, account_id: UUID, *, to: UUID) -> dict[str, Any]:
    """Make another member an owner and the caller, who is one, an admin; the new owner's membership.

    Raises OrganizationNotFound, OrganizationRoleRequired, MemberNotFound, InvalidRequest.
    """
    now = utcnow()
    with transaction(db):
        seat = seats.lock(organization_id, account_id, at_least=roles.OWNER)
        if to == account_id:
            raise InvalidRequest.at("/account_id", "Name another member.")
        successor = _get(organization_id, to)
        memberships.change(seat.organization, successor, roles.OWNER, now)
        memberships.change(seat.organization, seat.membership, roles.ADMIN, now)
        return shown(successor)


def _get(organization_id: UUID, account_id: UUID) -> Membership:
    membership = store.find(organization_id, account_id)
    if membership is None:
        raise MemberNotFound
    return membership


def shown(membership: Membership) -> dict[str, Any]:
    """The membership as the API shows it."""
    return {
        "organization_id": membership.organization_id,
        "account_id": membership.account_id,
        "role": membership.role,
        "joined_at": membership.joined_at,
    }


def _shown_with_profile(membership: Membership, profile: Profile | None) -> dict[str, Any]:
    return {
        **shown(membership),
        "name": profile.name if profile else None,
        "avatar_url": avatar_url(profile) if profile else None,
    }

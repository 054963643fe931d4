"""Seats: the caller's own membership, which every use case on an organization begins with.

Whoever is no member learns nothing: an organization of others looks like one that does not exist.
"""

from typing import NamedTuple
from uuid import UUID

from services.users.errors import OrganizationNotFound
from services.users.models import Membership, Organization
from services.users.organizations import roles
from services.users.store import memberships, organizations
from shared.chassis.access import OrganizationRoleRequired


class Seat(NamedTuple):
    """An organization and the caller's membership in it."""

    organization: Organization
    membership: Membership

    @property
    def role(self) -> str:
        """The caller's role."""
        return self.membership.role


def get(organization_id: UUID, account_id: UUID, *, at_least: str = roles.MEMBER) -> Seat:
    """The caller's seat; raises OrganizationNotFound, OrganizationRoleRequired."""
    found = organizations.find_of_member(organization_id, account_id)
    if found is None:
        raise OrganizationNotFound
    return _checked(Seat(*found), at_least)


def lock(organization_id: UUID, account_id: UUID, *, at_least: str = roles.MEMBER) -> Seat:
    """As ``get``, the organization locked until the transaction ends.

    Who is no member locks nothing. What was read before the lock is read again.
    """
    get(organization_id, account_id, at_least=at_least)
    organization = organizations.lock(organization_id)
    membership = memberships.find(organization_id, account_id)
    if organization is None or membership is None:
        raise OrganizationNotFound
    return _checked(Seat(organization, membership), at_least)


def _checked(seat: Seat, at_least: str) -> Seat:
    if not roles.is_at_least(seat.role, at_least):
        raise OrganizationRoleRequired
    return seat

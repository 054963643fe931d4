"""The use cases on the organizations of accounts that are deleted."""

from datetime import datetime
from uuid import UUID

from services.users.errors import SoleOwner
from services.users.organizations import directory, memberships, roles
from services.users.store import invitations, organization_events, organizations, profiles
from services.users.store import memberships as store


def require_decision(account_id: UUID) -> None:
    """Raise SoleOwner where organizations with other members have no owner but this account."""
    left = store.list_left_without_owner(account_id)
    if left:
        shown = [{"id": str(each.id), "name": each.name} for each in left]
        raise SoleOwner(organizations=shown)


def forget(account_id: UUID, email: str | None, now: datetime) -> None:
    """End the account's memberships and invitations, in the caller's transaction, which sets the tombstone.

    An organization in which nobody else is goes. One that has no other owner by then gets the
    longest-standing admin, or else member, as its owner.
    """
    for organization_id in store.organization_ids_of(account_id):
        _leave(organization_id, account_id, now)
    profile = profiles.find(account_id)
    invitations.forget(account_id, [each for each in (email, profile and profile.email) if each])
    organization_events.forget(account_id)


def _leave(organization_id: UUID, account_id: UUID, now: datetime) -> None:
    organization = organizations.lock(organization_id)
    membership = store.find(organization_id, account_id)
    if organization is None or membership is None:
        return
    successor = store.find_successor(organization_id, account_id)
    if successor is None:
        directory.remove(organization)
        return
    if membership.role == roles.OWNER and store.count_owners(organization_id) == 1:
        memberships.change(organization, successor, roles.OWNER, now)
    memberships.end_with_organization(organization, membership, now)

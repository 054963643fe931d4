"""Memberships of a locked organization: the only code that begins, changes and ends one, and publishes it.

An organization always has an owner: whoever is the last one can neither leave nor become less.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.users.errors import LastOwner
from services.users.models import Membership, Organization
from services.users.organizations import changes, roles
from services.users.store import memberships as store
from services.users.store import organizations


def start(
    organization: Organization, account_id: UUID, role: str, now: datetime, **details: Any
) -> Membership:
    """Make the account a member. The caller has made sure that the account is not deleted meanwhile."""
    membership = Membership(
        organization_id=organization.id,
        account_id=account_id,
        role=role,
        version=organizations.stamp(organization, now),
        joined_at=now,
        updated_at=now,
    )
    store.add(membership)
    changes.publish_membership("started", membership, membership.version, now, **details)
    return membership


def change(organization: Organization, membership: Membership, role: str, now: datetime) -> None:
    """Give the member another role; raises LastOwner."""
    if membership.role == role:
        return
    _require_another_owner(membership)
    before, membership.role = membership.role, role
    membership.version = organizations.stamp(organization, now)
    membership.updated_at = now
    changes.publish_membership("changed", membership, membership.version, now, before=before)


def end(organization: Organization, membership: Membership, now: datetime) -> None:
    """End the membership; raises LastOwner."""
    _require_another_owner(membership)
    end_with_organization(organization, membership, now)


def end_with_organization(organization: Organization, membership: Membership, now: datetime) -> None:
    """End a membership of an organization that itself ends, or has another owner already."""
    store.remove(membership)
    version = organizations.stamp(organization, now)
    changes.publish_membership("ended", membership, version, now, before=membership.role)


def _require_another_owner(membership: Membership) -> None:
    if membership.role == roles.OWNER and store.count_owners(membership.organization_id) == 1:
        raise LastOwner

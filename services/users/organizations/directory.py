"""The use cases on organizations themselves: create, list, read, change, delete; and their audit log."""

from typing import Any
from uuid import UUID

from services.users.errors import MetadataTooLarge, OrganizationNotFound, SlugTaken, TooManyOrganizations
from services.users.models import Organization, db
from services.users.organizations import changes, memberships, roles, seats, slugs
from services.users.organizations.seats import Seat
from services.users.profiles import reading
from services.users.profiles.merging import is_within_bounds, merged
from services.users.store import memberships as membership_store
from services.users.store import organization_events, tombstones
from services.users.store import organizations as store
from shared.chassis import pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id

MOST_OWNED = 50


def create(
    account_id: UUID, *, name: str, slug: str | None = None, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Make an organization that the account owns.

    Raises SlugTaken, TooManyOrganizations, MetadataTooLarge.
    """
    reading.get_own(account_id)
    now = utcnow()
    with transaction(db):
        _require_room(account_id)
        organization = _add(name, slug, _patched({}, metadata), now)
        store.stamp(organization, now)
        changes.publish_organization("created", organization, now)
        membership = memberships.start(organization, account_id, roles.OWNER, now)
        return _shown(Seat(organization, membership))


def _require_room(account_id: UUID) -> None:
    """Raise where the account may own no more, or is deleted; its other requests of this kind wait."""
    if tombstones.stands(account_id):
        raise OrganizationNotFound
    if store.count_owned(account_id) >= MOST_OWNED:
        raise TooManyOrganizations


def _add(name: str, slug: str | None, details: dict[str, Any], now: Any) -> Organization:
    for candidate in [slug] if slug else slugs.candidates(name):
        organization = store.add(
            id=new_id(), name=name, slug=candidate, details=details, version=0, created_at=now, updated_at=now
        )
        if organization is not None:
            return organization
    raise SlugTaken


def list_own(account_id: UUID, *, limit: int, cursor: UUID | None) -> dict[str, Any]:
    """One page of the account's organizations."""
    seated = [Seat(*row) for row in store.list_of_member(account_id, after=cursor, limit=limit + 1)]
    page = pagination.page_of(seated, limit=limit, key=lambda seat: seat.organization.id)
    return {**page, "items": [_shown(seat) for seat in page["items"]]}


def get(organization_id: UUID, account_id: UUID) -> dict[str, Any]:
    """The organization as a member sees it; raises OrganizationNotFound."""
    return _shown(seats.get(organization_id, account_id))


def change(organization_id: UUID, account_id: UUID, patch: dict[str, Any]) -> dict[str, Any]:
    """Apply a merge patch of an admin or owner.

    Raises OrganizationNotFound, OrganizationRoleRequired, SlugTaken, MetadataTooLarge.
    """
    now = utcnow()
    with transaction(db):
        seat = seats.lock(organization_id, account_id, at_least=roles.ADMIN)
        organization = seat.organization
        if "slug" in patch and not store.rename(organization, patch["slug"]):
            raise SlugTaken
        organization.name = patch.get("name", organization.name)
        if "metadata" in patch:
            organization.details = _patched(organization.details, patch["metadata"])
        organization.updated_at = now
        store.stamp(organization, now)
        changes.publish_organization("changed", organization, now, fields=sorted(patch))
        return _shown(seat)


def delete(organization_id: UUID, account_id: UUID) -> None:
    """Delete the organization with all its memberships; raises as ``change`` does."""
    with transaction(db):
        seat = seats.lock(organization_id, account_id, at_least=roles.OWNER)
        remove(seat.organization)


def remove(organization: Organization) -> None:
    """Delete a locked organization, in the caller's transaction."""
    now = utcnow()
    for membership in membership_store.list_all(organization.id):
        memberships.end_with_organization(organization, membership, now)
    store.stamp(organization, now)
    changes.publish_organization("deleted", organization, now)
    store.remove(organization)


def list_events(
    organization_id: UUID, account_id: UUID, *, limit: int, cursor: UUID | None
) -> dict[str, Any]:
    """One page of the organization's audit log, newest first, for admins and owners."""
    seats.get(organization_id, account_id, at_least=roles.ADMIN)
    events = organization_events.list_page(organization_id, before=cursor, limit=limit + 1)
    return pagination.page_of(events, limit=limit, key=lambda event: event.id)


def _patched(metadata: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    """The metadata after a merge patch; raises MetadataTooLarge."""
    result = {} if patch is None else merged(metadata, patch)
    if not is_within_bounds(result):
        raise MetadataTooLarge
    return dict(result)


def _shown(seat: Seat) -> dict[str, Any]:
    organization = seat.organization
    return {
        "id": organization.id,
        "name": organization.name,
        "slug": organization.slug,
        "metadata": organization.details,
        "role": seat.role,
        "created_at": organization.created_at,
        "updated_at": organization.updated_at,
    }

"""The use cases on profiles: show, list, change.

A profile that is read goes through the cache as the JSON that the API shows, with its version beside it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.users import mirroring
from services.users.cache.profiles import Cached, Miss
from services.users.cache.profiles import profiles as cache
from services.users.errors import MetadataTooLarge, ProfileNotFound, StaleProfile
from services.users.extensions import messages
from services.users.flights import Flights
from services.users.invalidations import forbid
from services.users.merging import is_within_bounds, merged
from services.users.models import Profile, db
from services.users.store import profiles as store
from shared.chassis import errors, pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import ProfileChanged

_PLAIN_FIELDS = ("name", "avatar_url", "locale", "timezone")
# What other services keep a copy of.
_MIRRORED_FIELDS = ("name", "locale", "timezone")

_flights = Flights()


def as_shown(profile: Profile) -> dict[str, Any]:
    """``profile`` as the API shows it."""
    return {
        "id": str(profile.id),
        "email": profile.email,
        "name": profile.name,
        "avatar_url": profile.avatar_url,
        "locale": profile.locale,
        "timezone": profile.timezone,
        "is_active": profile.is_active,
        "roles": profile.roles,
        "metadata": profile.details,
        "created_at": _moment(profile.created_at),
        "updated_at": _moment(profile.updated_at),
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _rendered(profile: Profile) -> Cached:
    return Cached(profile.version, orjson.dumps(as_shown(profile)))


def find(account_id: UUID) -> Cached | None:
    """The profile, from the cache where it can be."""
    landed_before = _flights.landed
    found = cache.find(account_id)
    if isinstance(found, Cached):
        return found
    with _flights.turn(account_id, landed_before=landed_before) as may_be_there:
        if may_be_there:
            found = cache.find(account_id)
        return found if isinstance(found, Cached) else _read(account_id, found)


def _read(account_id: UUID, miss: Miss) -> Cached | None:
    profile = store.find(account_id)
    if profile is None:
        return None
    shown = _rendered(profile)
    cache.offer(account_id, shown, miss.token)
    return shown


def get(account_id: UUID) -> Cached:
    """The profile; raises ProfileNotFound."""
    shown = find(account_id)
    if shown is None:
        raise ProfileNotFound
    return shown


def get_own(account_id: UUID) -> Cached:
    """The caller's own profile, made now if the message of its registration is still on its way."""
    shown = find(account_id)
    if shown is not None:
        return shown
    try:
        with transaction(db):
            mirroring.take_over(account_id)
    except errors.NotFound as error:
        raise ProfileNotFound from error
    return get(account_id)


@dataclass(frozen=True, slots=True)
class CallerProfile:
    """The caller's own profile, read when it is asked for: most routes can do without."""

    account_id: UUID

    def shown(self) -> Cached:
        """The profile as the API shows it; raises ProfileNotFound."""
        return get_own(self.account_id)


def change(account_id: UUID, patch: dict[str, Any], *, expected_versions: frozenset[int] | None) -> Cached:
    """Apply a merge patch; raises StaleProfile where the caller has seen other versions."""
    get_own(account_id)
    with transaction(db):
        profile = store.find_for_update(account_id)
        if profile is None:
            raise ProfileNotFound
        if expected_versions is not None and profile.version not in expected_versions:
            raise StaleProfile
        before = [getattr(profile, name) for name in _MIRRORED_FIELDS]
        _apply(profile, patch)
        if before != [getattr(profile, name) for name in _MIRRORED_FIELDS]:
            messages.send(_changed(profile))
        token = forbid(account_id, profile.version)
        shown = _rendered(profile)
    cache.offer(account_id, shown, token)
    return shown


def _changed(profile: Profile) -> ProfileChanged:
    return ProfileChanged(
        account_id=profile.id,
        display_name=profile.name,
        locale=profile.locale,
        timezone=profile.timezone,
        profile_version=profile.version,
        occurred_at=profile.updated_at,
    )


def _apply(profile: Profile, patch: dict[str, Any]) -> None:
    for field in _PLAIN_FIELDS:
        if field in patch:
            setattr(profile, field, patch[field])
    if "metadata" in patch:
        patched = patch["metadata"]
        details = {} if patched is None else merged(profile.details, patched)
        if not is_within_bounds(details):
            raise MetadataTooLarge
        profile.details = details
    profile.updated_at = utcnow()
    profile.version += 1


def search(*, limit: int, sort: str, cursor: tuple[str, UUID] | None, **filters: Any) -> dict[str, Any]:
    """One page of profiles for an administrator."""
    after = (datetime.fromisoformat(cursor[0]), cursor[1]) if cursor else None
    rows = store.search(limit=limit + 1, is_descending=sort.startswith("-"), after=after, **filters)
    page = pagination.page_of(
        rows, limit=limit, key=lambda profile: (profile.created_at.isoformat(), profile.id)
    )
    return {**page, "items": [as_shown(profile) for profile in page["items"]]}

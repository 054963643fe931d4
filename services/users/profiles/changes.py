"""The use cases of changing a profile: by a merge patch, of its owner."""

from typing import Any
from uuid import UUID

from services.users.cache.profiles import Cached
from services.users.cache.profiles import profiles as cache
from services.users.errors import MetadataTooLarge, ProfileNotFound, StaleProfile
from services.users.extensions import messages
from services.users.models import Profile, db
from services.users.profiles.invalidations import forbid
from services.users.profiles.merging import is_within_bounds, merged
from services.users.profiles.reading import get_own
from services.users.profiles.rendering import rendered
from services.users.store import profiles as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import ProfileChanged

_PLAIN_FIELDS = ("name", "avatar_url", "locale", "timezone")
# What other services keep a copy of.
_MIRRORED_FIELDS = ("name", "locale", "timezone")


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
        shown = rendered(profile)
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

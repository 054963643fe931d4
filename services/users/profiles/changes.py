"""The use cases of changing a profile by a merge patch: its owner's, and an administrator's."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from services.users.avatars import addresses
from services.users.cache.profiles import Cached
from services.users.cache.profiles import profiles as cache
from services.users.errors import MetadataTooLarge, ProfileNotFound, StaleProfile
from services.users.extensions import messages
from services.users.models import Profile, db
from services.users.profiles.invalidations import forbid
from services.users.profiles.merging import is_within_bounds, merged
from services.users.profiles.reading import get_own
from services.users.profiles.rendering import avatar_url, rendered, rendered_for_administrators
from services.users.store import profiles as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.errors import InvalidRequest
from shared.chassis.logs import get_logger
from shared.contracts.messages import ProfileChanged

_PLAIN_FIELDS = ("name", "locale", "timezone")
_METADATA = {"metadata": "details", "public_metadata": "public_details", "admin_metadata": "admin_details"}

log = get_logger(__name__)


class Changed(NamedTuple):
    """A profile after a change, as its owner and as an administrator sees it."""

    owned: Cached
    administered: Cached


def change(account_id: UUID, patch: dict[str, Any], *, expected_versions: frozenset[int] | None) -> Cached:
    """Apply the owner's merge patch; raises StaleProfile where the caller has seen other versions."""
    get_own(account_id)
    return _change(account_id, patch, expected_versions).owned


def administer(
    account_id: UUID,
    patch: dict[str, Any],
    *,
    administrator_id: UUID,
    expected_versions: frozenset[int] | None,
) -> Cached:
    """Apply an administrator's merge patch; raises StaleProfile, ProfileNotFound."""
    changed = _change(account_id, patch, expected_versions)
    log.info(
        "profile_administered",
        account_id=str(account_id),
        administrator_id=str(administrator_id),
        fields=sorted(patch),
    )
    return changed.administered


def _change(account_id: UUID, patch: dict[str, Any], expected_versions: frozenset[int] | None) -> Changed:
    with transaction(db):
        profile, token = revise(account_id, patch, expected_versions)
        changed = Changed(rendered(profile), rendered_for_administrators(profile))
    cache.offer(account_id, changed.owned, token)
    return changed


def revise(
    account_id: UUID, patch: dict[str, Any], expected_versions: frozenset[int] | None = None
) -> tuple[Profile, bytes | None]:
    """Apply a merge patch in the caller's transaction; the profile, and with what it may be cached after it.

    Raises ProfileNotFound, StaleProfile, MetadataTooLarge, InvalidRequest.
    """
    profile = store.find_for_update(account_id)
    if profile is None:
        raise ProfileNotFound
    if expected_versions is not None and profile.version not in expected_versions:
        raise StaleProfile
    before = _members(profile)
    _apply(profile, patch)
    if changed := [name for name, value in _members(profile).items() if value != before[name]]:
        messages.send(_message_of(profile, changed))
    return profile, forbid(account_id, profile.version)


def _members(profile: Profile) -> dict[str, Any]:
    """What may change, by the names that the API has for it."""
    details = {member: getattr(profile, column) for member, column in _METADATA.items()}
    return {
        **{name: getattr(profile, name) for name in _PLAIN_FIELDS},
        "avatar_url": (profile.avatar_url, profile.avatar_name),
        **details,
    }


def _message_of(profile: Profile, changed: Sequence[str]) -> ProfileChanged:
    return ProfileChanged(
        account_id=profile.id,
        display_name=profile.name,
        locale=profile.locale,
        timezone=profile.timezone,
        profile_version=profile.version,
        changed=tuple(changed),
        occurred_at=profile.updated_at,
    )


def _apply(profile: Profile, patch: dict[str, Any]) -> None:
    for field in _PLAIN_FIELDS:
        if field in patch:
            setattr(profile, field, patch[field])
    if "avatar_url" in patch:
        _apply_avatar(profile, patch["avatar_url"], name=patch.get("avatar_name"))
    for member, column in _METADATA.items():
        if member in patch:
            setattr(profile, column, _patched(getattr(profile, column), patch[member]))
    profile.updated_at = utcnow()
    profile.version += 1


def _apply_avatar(profile: Profile, url: str | None, *, name: str | None) -> None:
    """Show the picture at ``url`` or the uploaded one; an URL of ours can only be the one that is shown."""
    if name is None and url is not None:
        if url == avatar_url(profile):
            return
        if url.startswith(addresses.prefix()):
            raise InvalidRequest.at("/avatar_url", "This is not the picture of this profile; upload it.")
    profile.avatar_url, profile.avatar_name = url, name


def _patched(metadata: dict[str, Any], patch: dict[str, Any] | None) -> dict[str, Any]:
    """The metadata after a merge patch; raises MetadataTooLarge."""
    result = {} if patch is None else merged(metadata, patch)
    if not is_within_bounds(result):
        raise MetadataTooLarge
    return dict(result)

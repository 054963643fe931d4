"""The use cases on profiles: mirror the account, show, list, change.

A profile as the API shows it is a plain dict, so that the cache and the routes speak of one thing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from flask import current_app

from services.users import store
from services.users.cache import profiles as cache
from services.users.errors import MetadataTooLarge, ProfileNotFound, StaleProfile
from services.users.merging import is_within_bounds, merged
from services.users.models import Profile, db
from shared.chassis import errors, pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.internal import AccountBody
from shared.contracts.messages import AccountRegistered

EXTENSION = "doorward_users"
_PLAIN_FIELDS = ("name", "avatar_url", "locale", "timezone")


class Accounts(Protocol):
    """Where accounts are asked for: auth."""

    def get_account(self, account_id: UUID) -> AccountBody:
        """The account; raises NotFound or ServiceUnavailable."""


@dataclass(frozen=True, slots=True)
class Deps:
    """What the use cases are given from outside."""

    accounts: Accounts


def _accounts() -> Accounts:
    deps: Deps = current_app.extensions[EXTENSION]
    return deps.accounts


def as_shown(profile: Profile) -> dict[str, Any]:
    """``profile`` as the API shows it, and its version."""
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
        "version": profile.version,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def register(message: AccountRegistered) -> None:
    """Make the profile of an account that was just registered; in the courier's transaction."""
    account = AccountBody(
        id=message.account_id,
        email=message.email,
        display_name=message.display_name,
        locale=message.locale,
        roles=message.roles,
        is_active=True,
        is_verified=False,
        created_at=message.occurred_at,
    )
    store.add(account, utcnow())


class AboutAccount(Protocol):
    """Any message that names an account."""

    account_id: UUID


def mirror(message: AboutAccount) -> None:
    """Take over what auth says of the account now; in the courier's transaction.

    The message is only the reason to ask: whatever the order in which messages arrive, the row that
    is locked before the question ends up with the latest answer.
    """
    profile = store.find_for_update(message.account_id)
    account = _accounts().get_account(message.account_id)
    if profile is None:
        store.add(account, utcnow())
        return
    profile.email = account.email
    profile.roles = list(account.roles)
    profile.is_active = account.is_active
    profile.updated_at = utcnow()
    profile.version += 1
    cache.forget(profile.id)


def forget(message: AboutAccount) -> None:
    """Delete the profile of a deleted account; in the courier's transaction."""
    profile = store.find_for_update(message.account_id)
    if profile is not None:
        store.remove(profile)
    cache.forget(message.account_id)


def find(account_id: UUID) -> dict[str, Any] | None:
    """The profile, from the cache where it can be."""
    shown = cache.find(account_id)
    if shown is not None:
        return shown
    profile = store.find(account_id)
    if profile is None:
        return None
    shown = as_shown(profile)
    cache.offer(account_id, shown)
    return shown


def get(account_id: UUID) -> dict[str, Any]:
    """The profile; raises ProfileNotFound."""
    shown = find(account_id)
    if shown is None:
        raise ProfileNotFound
    return shown


def get_own(account_id: UUID) -> dict[str, Any]:
    """The caller's own profile, made now if the message of its registration is still on its way."""
    shown = find(account_id)
    if shown is not None:
        return shown
    try:
        account = _accounts().get_account(account_id)
    except errors.NotFound as error:
        raise ProfileNotFound from error
    with transaction(db):
        store.add(account, utcnow())
    return get(account_id)


@dataclass(frozen=True, slots=True)
class CallerProfile:
    """The caller's own profile, read when it is asked for: most routes can do without."""

    account_id: UUID

    def shown(self) -> dict[str, Any]:
        """The profile as the API shows it; raises ProfileNotFound."""
        return get_own(self.account_id)


def change(
    account_id: UUID, patch: dict[str, Any], *, expected_versions: frozenset[int] | None
) -> dict[str, Any]:
    """Apply a merge patch; raises StaleProfile where the caller has seen other versions."""
    get_own(account_id)
    with transaction(db):
        profile = store.find_for_update(account_id)
        if profile is None:
            raise ProfileNotFound
        if expected_versions is not None and profile.version not in expected_versions:
            raise StaleProfile
        _apply(profile, patch)
        shown = as_shown(profile)
    cache.put(account_id, shown)
    return shown


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


def search(*, limit: int, sort: str, **filters: Any) -> dict[str, Any]:
    """One page of profiles for an administrator."""
    rows = store.search(limit=limit + 1, is_descending=sort.startswith("-"), **filters)
    page = pagination.page_of(rows, limit=limit, key=lambda profile: profile.id)
    return {**page, "items": [as_shown(profile) for profile in page["items"]]}

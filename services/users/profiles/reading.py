"""The use cases of reading a profile: through the cache, as the JSON that the API shows, with its version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.users.cache.profiles import Cached, Miss, Several
from services.users.cache.profiles import profiles as cache
from services.users.errors import ProfileNotFound
from services.users.models import db
from services.users.profiles import mirroring
from services.users.profiles.flights import Flights
from services.users.profiles.rendering import public_part, rendered, rendered_for_administrators
from services.users.store import profiles as store
from shared.chassis import errors
from shared.chassis.database import transaction

_flights = Flights()


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
    shown = rendered(profile)
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


def get_whole(account_id: UUID) -> Cached:
    """The profile as an administrator sees it, past the cache; raises ProfileNotFound."""
    profile = store.find(account_id)
    if profile is None:
        raise ProfileNotFound
    return rendered_for_administrators(profile)


def list_public(account_ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """What everybody may see of these accounts, in this order; those without a profile are left out."""
    wanted = list(dict.fromkeys(account_ids))
    shown = find_many(wanted)
    return [public_part(shown[account_id]) for account_id in wanted if account_id in shown]


def find_many(account_ids: Sequence[UUID]) -> dict[UUID, Cached]:
    """The profiles, from the cache where they can be; of threads that miss the same ones, one reads them."""
    landed_before = _flights.landed
    found = cache.find_many(account_ids)
    missing = _missing(account_ids, found)
    if not missing:
        return found.shown
    with _flights.turn(missing, landed_before=landed_before) as may_be_there:
        if may_be_there:
            found = cache.find_many(account_ids)
            missing = _missing(account_ids, found)
        read = {profile.id: rendered(profile) for profile in store.find_many(missing)} if missing else {}
        cache.offer_many(read, found.token)
        return {**found.shown, **read}


def _missing(account_ids: Sequence[UUID], found: Several) -> tuple[UUID, ...]:
    return tuple(account_id for account_id in account_ids if account_id not in found.shown)


@dataclass(frozen=True, slots=True)
class CallerProfile:
    """The caller's own profile, read when it is asked for: most routes can do without."""

    account_id: UUID

    def shown(self) -> Cached:
        """The profile as the API shows it; raises ProfileNotFound."""
        return get_own(self.account_id)

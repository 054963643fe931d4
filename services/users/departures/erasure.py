"""The use cases of erasure: users erases what it holds, and follows up until every service has confirmed.

auth deletes the account when its day has come, and tells. The tombstone that stays here has the id and the
day: after a backup was restored, accounts are deleted again by it.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from services.users.avatars import removal
from services.users.cache.profiles import DELETED
from services.users.extensions import messages
from services.users.models import db
from services.users.organizations import departures as organizations
from services.users.profiles.invalidations import forbid
from services.users.stats import counting
from services.users.store import erasures as store
from services.users.store import exports, profiles, tombstones
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import get_logger
from shared.contracts.messages import AccountDeleted, ErasureConfirmed, ErasureWanted

PATIENCE = timedelta(hours=1)  # until a service that has not confirmed is asked again
BATCH = 100

log = get_logger(__name__)


class Departure(NamedTuple):
    """An account that was deleted, and when."""

    account_id: UUID
    deleted_at: datetime


def forget(message: AccountDeleted) -> None:
    """Erase a deleted account's profile, pictures and copies, in the courier's transaction."""
    store.begin(message.account_id, utcnow())
    _erase(message.account_id, utcnow(), email=message.email)


def _erase(account_id: UUID, now: datetime, *, email: str | None = None) -> None:
    tombstones.set_up(account_id, now)
    organizations.forget(account_id, email, now)
    profiles.remove(account_id, now)
    removal.erase(account_id)
    exports.remove_of(account_id)
    forbid(account_id, DELETED)
    counting.forget(account_id)
    store.confirm(account_id, messages.service, now)


def take_confirmation(message: ErasureConfirmed) -> None:
    """Note that a service holds nothing any more, in the courier's transaction."""
    store.confirm(message.account_id, message.service, utcnow())


def follow_up(now: datetime) -> int:
    """A chore of the worker: ask again whoever has not confirmed; of how many accounts."""
    with transaction(db):
        unconfirmed = store.claim_unconfirmed(now - PATIENCE, limit=BATCH)
        account_ids = {erasure.account_id for erasure in unconfirmed}
        for erasure in unconfirmed:
            log.warning("erasure_not_confirmed", account_id=str(erasure.account_id), service=erasure.service)
        _ask(account_ids, now)
        store.ask_again(account_ids, now)
    return len(account_ids)


def _ask(account_ids: Iterable[UUID], now: datetime) -> None:
    messages.send_all(ErasureWanted(account_id=account_id, occurred_at=now) for account_id in account_ids)


def list_departures() -> Iterator[Departure]:
    """Every account that was deleted, in that order."""
    with transaction(db):
        for tombstone in store.tombstones(batch=BATCH):
            yield Departure(tombstone.account_id, tombstone.deleted_at)


def replay(departures: Iterable[Departure], *, progress: Callable[[int], None]) -> int:
    """Delete these accounts again, here at once and elsewhere by message; how many.

    After a backup was restored: what it brought back goes. Harmless when repeated.
    """
    count = 0
    for departure in departures:
        _delete_again(departure)
        count += 1
        progress(1)
    return count


def _delete_again(departure: Departure) -> None:
    """One account a transaction: pictures take their time, and what Redis was told holds for a minute."""
    now = utcnow()
    with transaction(db):
        store.begin_again(departure.account_id, now)
        _erase(departure.account_id, departure.deleted_at)
        _ask([departure.account_id], now)

"""The use cases on cached versions that end: Redis is told before the commit, or by the relay after it."""

from uuid import UUID

from services.users.cache.profiles import profiles as cache
from services.users.models import db
from services.users.store import invalidations as store
from shared.chassis.database import transaction


def forbid(account_id: UUID, version: int) -> bytes | None:
    """In the caller's transaction: no reader may keep an older version, from before the commit.

    The token with which the new one may be offered after the commit; None where Redis does not hear: then the
    relay repeats it.
    """
    token = cache.forbid(account_id, version)
    if token is None:
        store.add(account_id, version)
    return token


def repeat() -> int:
    """One step of the relay: tell Redis what it did not hear; how much. Raises RedisError if it is away."""
    with transaction(db):
        rows = store.claim()
        for row in rows:
            cache.repeat(row.account_id, row.version)
        store.remove([row.account_id for row in rows])
    return len(rows)

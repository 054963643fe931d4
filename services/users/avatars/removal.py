"""The use cases of deleting pictures that nobody shows: a replaced one later, others at once.

A file is noted in a table before it is written, so that none can be lost sight of, whatever dies in between.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.users.avatars.decoder import SIDES
from services.users.avatars.stores import AvatarStore
from services.users.deps import deps
from services.users.errors import AvatarUploadsOff
from services.users.models import Avatar, db
from services.users.store import avatars as store
from shared.chassis.database import transaction

# How long a replaced picture is still there for pages that name it, and an upload may take.
KEPT_FOR = timedelta(hours=1)
BATCH = 50


def sweep(now: datetime) -> int:
    """A chore of the worker: delete pictures that no profile shows; how many."""
    with transaction(db):
        return _delete(store.claim_old(stored_before=now - KEPT_FOR, limit=BATCH))


def delete_unused(name: str, *, stored_until: datetime) -> None:
    """Delete a picture, unless it is shown or was uploaded again after ``stored_until``."""
    with transaction(db):
        _delete(store.claim_unused(name=name, stored_until=stored_until))


def erase(account_id: UUID) -> None:
    """Delete every picture of the account, in the caller's transaction; raises AvatarsUnavailable."""
    _delete(store.claim_all(account_id))


def files() -> AvatarStore:
    """Where pictures lie; raises AvatarUploadsOff where there is no such place."""
    found = deps().avatars
    if found is None:
        raise AvatarUploadsOff
    return found


def file_name(name: str, side: int) -> str:
    """What one size of the picture ``name`` is stored as."""
    return f"{name}-{side}.webp"


def _delete(found: Sequence[Avatar]) -> int:
    if not found:
        return 0
    names = [avatar.name for avatar in found]
    for name in names:
        for side in SIDES:
            files().delete(file_name(name, side))
    store.remove(names)
    return len(names)

"""Memberships as they are now, told to auth again: its copy is old after a backup of it was restored.

Those that have ended are told as well, as the audit log of organizations knows them. auth passes over
whatever it has already.
"""

from collections.abc import Iterator

from services.users.extensions import messages
from services.users.models import db
from services.users.store import memberships as store
from services.users.store.memberships import Standing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import MembershipChanged

BATCH = 500


def resync() -> int:
    """Tell auth of every membership there is or was; how many."""
    return sum(_batches())


def _batches() -> Iterator[int]:
    last = None
    while True:
        with transaction(db):
            batch = store.list_standings(after=last, limit=BATCH)
            messages.send_to("auth", map(_message, batch))
        if not batch:
            return
        last = batch[-1].organization_id, batch[-1].account_id
        yield len(batch)


def _message(standing: Standing) -> MembershipChanged:
    return MembershipChanged(
        organization_id=standing.organization_id,
        account_id=standing.account_id,
        change="ended" if standing.role is None else "changed",
        role=standing.role,
        membership_version=standing.version,
        occurred_at=utcnow(),
    )

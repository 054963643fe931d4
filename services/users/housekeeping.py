"""What users' worker clears away now and then, in small batches."""

from collections.abc import Sequence
from datetime import timedelta

from services.users.avatars import removal
from services.users.departures import erasure
from services.users.models import Export, IdempotencyKey, Invitation, db
from shared.chassis.housekeeping import Chore, delete_older
from shared.chassis.idempotency import KEPT_FOR

INVITATIONS_KEPT_FOR = timedelta(days=30)  # after they have expired


def chores() -> Sequence[Chore]:
    """Everything that grows, and how long it is kept."""
    return [
        removal.sweep,
        erasure.follow_up,
        delete_older(db, Export, Export.expires_at, timedelta(0)),
        delete_older(db, Invitation, Invitation.expires_at, INVITATIONS_KEPT_FOR),
        delete_older(db, IdempotencyKey, IdempotencyKey.started_at, KEPT_FOR),
    ]

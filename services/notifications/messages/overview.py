"""The use cases for whoever operates notifications: what waits, what is stuck, and one message in full."""

from typing import Any
from uuid import UUID

from services.notifications.errors import NotificationNotFound
from services.notifications.messages import timeline
from services.notifications.store import messages as store
from services.notifications.store import overview


def queue() -> dict[str, Any]:
    """What waits by lane, attempts whose worker is gone, and outcomes that a person has to settle."""
    return {
        "lanes": {row.lane: row for row in overview.lanes()},
        "expired_leases": overview.expired_leases(),
        "outcome_unknown": overview.count_of("outcome_unknown"),
        "later": overview.count_later(),
    }


def message(message_id: UUID) -> dict[str, Any]:
    """Where a message stands, with its timeline; raises NotificationNotFound."""
    delivery = store.find(message_id)
    if delivery is None:
        raise NotificationNotFound
    return {"delivery": delivery, "timeline": timeline.of(delivery, store.attempts_of(delivery))}

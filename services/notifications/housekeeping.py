"""What notifications deletes: keys of requests, the content of ended messages, then the messages, and events.

One worker does it for all.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.notifications.delivery import reports
from services.notifications.models import Event, db
from services.notifications.periodic import in_turn
from services.notifications.settings import NotificationsSettings
from services.notifications.store import messages as store
from services.notifications.store import recipients
from shared.chassis.database import transaction
from shared.chassis.housekeeping import BATCH, Chore, delete_older
from shared.chassis.idempotency import KEPT_FOR

# No message of another service is under way for longer.
TOMBSTONES_KEPT_FOR = timedelta(days=90)


def chores(settings: NotificationsSettings) -> Sequence[Chore]:
    """All of them."""
    content_kept_for = timedelta(days=settings.content_days)
    messages_kept_for = timedelta(days=settings.message_days)
    work: dict[str, Chore] = {
        "keys": lambda now: delete_keys(now - KEPT_FOR),
        "content": lambda now: erase_content(now - content_kept_for),
        "messages": lambda now: delete_messages(now - messages_kept_for),
        "most_messages": lambda _now: delete_beyond(settings.message_limit),
        "tombstones": lambda now: delete_tombstones(now - TOMBSTONES_KEPT_FOR),
        "events": delete_older(db, Event, Event.stored_at, timedelta(days=settings.event_days)),
        "workers": lambda _now: reports.forget(),
    }
    return [in_turn(name, chore) for name, chore in work.items()]


def delete_keys(started_before: datetime) -> int:
    """Delete keys of requests that made no message, or whose message is gone; how many."""
    with transaction(db):
        return store.delete_keys(started_before, BATCH)


def erase_content(ended_before: datetime) -> int:
    """Erase the variables of messages that had ended by then; how many."""
    with transaction(db):
        return store.erase_old_content(ended_before, BATCH)


def delete_messages(ended_before: datetime) -> int:
    """Delete messages that had ended by then, with their deliveries and attempts; how many."""
    with transaction(db):
        return store.delete_old(ended_before, BATCH)


def delete_beyond(most: int) -> int:
    """Delete ended messages, but for so many of the newest; how many."""
    with transaction(db):
        return store.delete_beyond(most, BATCH)


def delete_tombstones(deleted_before: datetime) -> int:
    """Forget of which accounts it is known that they were deleted; how many."""
    with transaction(db):
        return recipients.delete_tombstones(deleted_before, BATCH)

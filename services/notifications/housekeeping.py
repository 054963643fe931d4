"""What notifications tidies up: keys of requests, and the content of mails that have ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.notifications.models import IdempotencyKey, db
from services.notifications.settings import NotificationsSettings
from services.notifications.store import mails as store
from shared.chassis.database import transaction
from shared.chassis.housekeeping import BATCH, Chore, delete_older
from shared.chassis.idempotency import KEPT_FOR


def chores(settings: NotificationsSettings) -> Sequence[Chore]:
    """All of them."""
    content_kept_for = timedelta(days=settings.content_days)
    return [
        delete_older(db, IdempotencyKey, IdempotencyKey.started_at, KEPT_FOR),
        lambda now: erase_content(now - content_kept_for),
    ]


def erase_content(ended_before: datetime) -> int:
    """Erase the sealed variables of mails that had ended by then; how many."""
    with transaction(db):
        return store.erase_content(ended_before, BATCH)

"""What notifications tidies up: keys of requests, and the content of mails that have ended."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from services.notifications.models import IdempotencyKey, Notification, db
from services.notifications.settings import NotificationsSettings
from services.notifications.store import ENDED
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
    """Erase the sealed variables of mails that have ended before then; how many."""
    old = (
        select(Notification.id)
        .where(
            Notification.sealed_variables.is_not(None),
            Notification.status.in_(ENDED),
            Notification.updated_at < ended_before,
        )
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    statement = update(Notification).where(Notification.id.in_(old)).values(sealed_variables=None)
    with transaction(db) as session:
        return len(session.execute(statement.returning(Notification.id)).all())

"""The use cases on accepted mails, but for their delivery: show, list, cancel, send again, resolve.

An administrator sees all of them; a program only those that its own account asked for.
"""

from typing import Any
from uuid import UUID

from services.notifications.acceptance import ring
from services.notifications.errors import NotCancellable, NotificationNotFound, NotResendable, NotUnresolved
from services.notifications.models import Event, Notification, db
from services.notifications.store import mails as store
from shared.chassis import pagination
from shared.chassis.access import Caller
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import mask_address, mask_text


def get(notification_id: UUID, who: Caller) -> dict[str, Any]:
    """The notification with its timeline; raises NotificationNotFound."""
    notification = _visible(store.find(notification_id), who)
    events = store.timeline(notification_id)
    return {**_as_shown(notification, who), "timeline": [_event_as_shown(event, who) for event in events]}


def search(*, limit: int, who: Caller, **filters: Any) -> dict[str, Any]:
    """One page of notifications, newest first."""
    rows = store.search(limit=limit + 1, **filters)
    page = pagination.page_of(rows, limit=limit, key=lambda notification: notification.id)
    return {**page, "items": [_as_shown(row, who) for row in page["items"]]}


def cancel(notification_id: UUID, who: Caller) -> dict[str, Any]:
    """Take back a mail that is not being sent yet; raises NotCancellable."""
    with transaction(db):
        notification = _lock(notification_id, who)
        if notification.status not in store.WAITING:
            raise NotCancellable
        _end(notification, "cancelled", None)
    return get(notification_id, who)


def resend(notification_id: UUID, who: Caller) -> dict[str, Any]:
    """Try again a mail that has ended; raises NotResendable."""
    with transaction(db):
        notification = _lock(notification_id, who)
        if notification.status not in store.ENDED or notification.sealed_variables is None:
            raise NotResendable
        now = utcnow()
        notification.status = "queued"
        notification.reason = None
        notification.due_at = notification.next_attempt_at = notification.updated_at = now
        store.note(notification_id, "resent", now)
        ring()
    return get(notification_id, who)


def resolve(notification_id: UUID, outcome: str, who: Caller) -> dict[str, Any]:
    """Say what became of a mail whose outcome was unknown; raises NotUnresolved."""
    with transaction(db):
        notification = _lock(notification_id, who)
        if notification.status != "outcome_unknown":
            raise NotUnresolved
        _end(notification, "sent" if outcome == "delivered" else "failed", "resolved_by_hand")
    return get(notification_id, who)


def _lock(notification_id: UUID, who: Caller) -> Notification:
    return _visible(store.find_for_update(notification_id), who)


def _visible(notification: Notification | None, who: Caller) -> Notification:
    """The notification, where ``who`` may see it; one that is somebody else's is as good as none."""
    if notification is None or not (who.is_admin or notification.requested_by == who.account_id):
        raise NotificationNotFound
    return notification


def _end(notification: Notification, status: str, reason: str | None) -> None:
    now = utcnow()
    notification.status = status
    notification.reason = reason
    notification.lease_until = None
    notification.updated_at = now
    store.note(notification.id, status, now, reason)


def _as_shown(notification: Notification, who: Caller) -> dict[str, Any]:
    """The notification as the API shows it; never its variables, which hold codes."""
    return {
        "id": notification.id,
        "template": notification.template,
        "template_version": notification.template_version,
        "locale": notification.locale,
        "topic": notification.topic,
        "to": _recipient_as_shown(notification, who),
        "status": notification.status,
        "reason": notification.reason,
        "attempts": notification.attempts,
        "message_id": notification.message_id,
        "send_at": notification.next_attempt_at if notification.status in store.WAITING else None,
        "created_at": notification.created_at,
        "updated_at": notification.updated_at,
    }


def _recipient_as_shown(notification: Notification, who: Caller) -> dict[str, Any]:
    """A program that wrote to an account does not learn its address here."""
    is_known = who.is_admin or notification.account_id is None
    email = notification.to_email if is_known else mask_address(notification.to_email)
    return {"email": email, "user_id": notification.account_id}


def _event_as_shown(event: Event, who: Caller) -> dict[str, Any]:
    """Mail servers like to repeat the address in what they answer."""
    detail = event.detail if who.is_admin or event.detail is None else mask_text(event.detail)
    return {"name": event.name, "detail": detail, "occurred_at": event.occurred_at}

"""The use cases on mails, but for their delivery: accept, show, list, cancel, send again, resolve."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from services.notifications import catalog, store
from services.notifications.deps import deps
from services.notifications.errors import (
    NotCancellable,
    NotificationNotFound,
    NotResendable,
    NotUnresolved,
    RecipientUnknown,
)
from services.notifications.models import Notification, db
from services.notifications.sender import new_message_id
from shared.chassis import pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountDeleted, AccountVerified, EmailChanged, SendEmail

CHANNEL = "doorward_deliveries"


def take(message: SendEmail) -> None:
    """Accept a mail that another service asked for; in the courier's transaction."""
    _accept(
        template=message.template,
        to_email=message.to_email,
        account_id=message.account_id,
        locale=message.locale,
        variables=message.variables,
        topic=message.topic,
        expires_at=message.expires_at,
        send_at=None,
    )


def know(message: AccountVerified) -> None:
    """Remember the address of an account; in the courier's transaction."""
    store.set_recipient(message.account_id, message.email, message.occurred_at)


def know_new_address(message: EmailChanged) -> None:
    """Remember the new address of an account; in the courier's transaction."""
    store.set_recipient(message.account_id, message.new_email, message.occurred_at)


def forget(message: AccountDeleted) -> None:
    """Delete all that is held on a deleted account; in the courier's transaction."""
    store.forget_account(message.account_id)


def accept(
    *,
    template: str,
    to: Mapping[str, Any],
    variables: dict[str, str],
    locale: str,
    topic: str,
    send_at: datetime | None,
) -> dict[str, Any]:
    """Accept a mail that a caller of the API asked for; raises the errors of a mail that cannot be."""
    catalog.check(template, variables)
    account_id: UUID | None = to.get("user_id")
    with transaction(db):
        to_email = to["email"] if account_id is None else store.find_recipient(account_id)
        if to_email is None:
            raise RecipientUnknown
        notification = _accept(
            template=template,
            to_email=to_email,
            account_id=account_id,
            locale=locale,
            variables=variables,
            topic=topic,
            expires_at=None,
            send_at=send_at,
        )
        return {"id": notification.id, "status": notification.status}


def _accept(
    *,
    template: str,
    to_email: str,
    account_id: UUID | None,
    locale: str,
    variables: Mapping[str, str],
    topic: str,
    expires_at: datetime | None,
    send_at: datetime | None,
) -> Notification:
    now = utcnow()
    is_later = send_at is not None and send_at > now
    notification_id = new_id()
    notification = Notification(
        id=notification_id,
        template=template,
        locale=locale,
        topic=topic,
        to_email=to_email.casefold(),
        account_id=account_id,
        sealed_variables=deps().sealer.seal(orjson.dumps(dict(variables))),
        status="scheduled" if is_later else "queued",
        message_id=new_message_id(notification_id, deps().settings.mail_from),
        attempts=0,
        next_attempt_at=send_at if is_later else now,
        expires_at=expires_at,
        created_at=now,
        updated_at=now,
    )
    store.add(notification, "accepted", now)
    ring()
    return notification


def ring() -> None:
    """Wake the relay of a worker when the transaction commits."""
    db.session.execute(text(f"NOTIFY {CHANNEL}"))


def as_shown(notification: Notification) -> dict[str, Any]:
    """``notification`` as the API shows it; never its variables, which hold codes."""
    return {
        "id": notification.id,
        "template": notification.template,
        "locale": notification.locale,
        "topic": notification.topic,
        "to": {"email": notification.to_email, "user_id": notification.account_id},
        "status": notification.status,
        "reason": notification.reason,
        "attempts": notification.attempts,
        "message_id": notification.message_id,
        "send_at": notification.next_attempt_at if notification.status in store.WAITING else None,
        "created_at": notification.created_at,
        "updated_at": notification.updated_at,
    }


def get(notification_id: UUID) -> dict[str, Any]:
    """The notification with its timeline; raises NotificationNotFound."""
    notification = store.find(notification_id)
    if notification is None:
        raise NotificationNotFound
    return {**as_shown(notification), "timeline": store.timeline(notification_id)}


def search(*, limit: int, **filters: Any) -> dict[str, Any]:
    """One page of notifications, newest first."""
    rows = store.search(limit=limit + 1, **filters)
    page = pagination.page_of(rows, limit=limit, key=lambda notification: notification.id)
    return {**page, "items": [as_shown(row) for row in page["items"]]}


def cancel(notification_id: UUID) -> dict[str, Any]:
    """Take back a mail that is not being sent yet; raises NotCancellable."""
    with transaction(db):
        notification = _lock(notification_id)
        if notification.status not in store.WAITING:
            raise NotCancellable
        _end(notification, "cancelled", None)
    return get(notification_id)


def resend(notification_id: UUID) -> dict[str, Any]:
    """Try again a mail that has ended; raises NotResendable."""
    with transaction(db):
        notification = _lock(notification_id)
        if notification.status not in store.ENDED or notification.sealed_variables is None:
            raise NotResendable
        now = utcnow()
        notification.status = "queued"
        notification.reason = None
        notification.next_attempt_at = notification.updated_at = now
        store.note(notification_id, "resent", now)
        ring()
    return get(notification_id)


def resolve(notification_id: UUID, outcome: str) -> dict[str, Any]:
    """Say what became of a mail whose outcome was unknown; raises NotUnresolved."""
    with transaction(db):
        notification = _lock(notification_id)
        if notification.status != "outcome_unknown":
            raise NotUnresolved
        _end(notification, "sent" if outcome == "delivered" else "failed", "resolved_by_hand")
    return get(notification_id)


def _lock(notification_id: UUID) -> Notification:
    notification = store.find_for_update(notification_id)
    if notification is None:
        raise NotificationNotFound
    return notification


def _end(notification: Notification, status: str, reason: str | None) -> None:
    now = utcnow()
    notification.status = status
    notification.reason = reason
    notification.lease_until = None
    notification.updated_at = now
    store.note(notification.id, status, now, reason)

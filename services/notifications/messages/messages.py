"""The use cases on accepted messages, but for their delivery: show, list, cancel, send again, resolve.

An administrator sees all of them; a program only those that its own account asked for.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func

from services.notifications.errors import (
    NotCancellable,
    NotificationNotFound,
    NotResendable,
    NotUnresolved,
    RecipientProtected,
)
from services.notifications.messages import timeline
from services.notifications.messages.acceptance import ring
from services.notifications.models import ENDED, WAITING, Delivery, Message, db
from services.notifications.recipients import protection
from services.notifications.store import messages as store
from shared.chassis import pagination
from shared.chassis.access import Caller
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.logs import mask_address
from shared.contracts.tokens import SEND_SCOPE


def get(message_id: UUID, who: Caller) -> dict[str, Any]:
    """The message with its timeline; raises NotificationNotFound."""
    delivery = _visible(store.find(message_id), who)
    events = timeline.of(delivery, store.attempts_of(delivery))
    return {**_as_shown(delivery, who), "timeline": timeline.shown_to(events, who)}


def search(*, limit: int, who: Caller, **filters: Any) -> dict[str, Any]:
    """One page of messages, newest first."""
    rows = store.search(limit=limit + 1, **filters)
    page = pagination.page_of(rows, limit=limit, key=lambda delivery: delivery.message_id)
    return {**page, "items": [_as_shown(row, who) for row in page["items"]]}


def cancel(message_id: UUID, who: Caller) -> dict[str, Any]:
    """Take back a message that is not being sent yet; raises NotCancellable."""
    with transaction(db):
        delivery = _lock(message_id, who)
        if delivery.status not in WAITING:
            raise NotCancellable
        _end(delivery, "cancelled", None)
    return get(message_id, who)


def resend(message_id: UUID, who: Caller) -> dict[str, Any]:
    """Try again a message that has ended, as if it were new; raises NotResendable, RecipientProtected.

    A person may send what its recipient was protected from; a program that loops may not.
    """
    with transaction(db):
        delivery = _lock(message_id, who)
        if delivery.status not in ENDED or not delivery.has_content:
            raise NotResendable
        address_key, lane = delivery.address_key, delivery.lane
        if not who.is_admin and protection.is_full_for_resending(address_key=address_key, lane=lane):
            raise RecipientProtected
        delivery.status, delivery.reason, delivery.retry_count = "queued", None, 0
        delivery.due_at = delivery.next_attempt_at = delivery.updated_at = func.now()
        timeline.add(delivery, "resent", utcnow())
        ring()
    return get(message_id, who)


def resolve(message_id: UUID, outcome: str, who: Caller) -> dict[str, Any]:
    """Say what became of a message whose outcome was unknown; raises NotUnresolved."""
    with transaction(db):
        delivery = _lock(message_id, who)
        if delivery.status != "outcome_unknown":
            raise NotUnresolved
        _end(delivery, "sent" if outcome == "delivered" else "failed", "resolved_by_hand")
    return get(message_id, who)


def _lock(message_id: UUID, who: Caller) -> Delivery:
    return _visible(store.find_for_update(message_id), who)


def _visible(delivery: Delivery | None, who: Caller) -> Delivery:
    """The delivery, where ``who`` may see it; one of somebody else is answered as if it did not exist."""
    if delivery is None or not (who.is_admin or _is_own(delivery.message, who)):
        raise NotificationNotFound
    return delivery


def _is_own(message: Message, who: Caller) -> bool:
    """Whether its account asked for it, and it is about a topic that the caller was given."""
    given = who.narrowed_to(SEND_SCOPE)
    return message.requested_by == who.account_id and (given is None or message.topic in given)


def _end(delivery: Delivery, status: str, reason: str | None) -> None:
    delivery.status, delivery.reason, delivery.lease_until = status, reason, None
    delivery.updated_at = func.now()
    timeline.add(delivery, status, utcnow(), reason)


def _as_shown(delivery: Delivery, who: Caller) -> dict[str, Any]:
    """The message as the API shows it; never its variables, which hold codes."""
    message = delivery.message
    return {
        "id": message.id,
        "template": message.template,
        "template_version": message.template_version,
        "locale": message.locale,
        "topic": message.topic,
        "lane": delivery.lane,
        "to": _recipient_as_shown(delivery, who),
        "status": delivery.status,
        "reason": delivery.reason,
        "attempts": delivery.attempt_count,
        "message_id": delivery.header_message_id,
        "send_at": delivery.next_attempt_at if delivery.status in WAITING else None,
        "created_at": message.created_at,
        "updated_at": delivery.updated_at,
    }


def _recipient_as_shown(delivery: Delivery, who: Caller) -> dict[str, Any]:
    """A program that wrote to an account does not learn its address here."""
    account_id = delivery.message.account_id
    is_known = who.is_admin or account_id is None
    email = delivery.address if is_known else mask_address(delivery.address)
    return {"email": email, "user_id": account_id}


def count_for(account_id: UUID) -> dict[str, int]:
    """How many messages the account was sent, and what became of them."""
    return store.count_for(account_id)

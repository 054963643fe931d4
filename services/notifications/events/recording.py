"""The use cases of storing events: each in the courier's transaction, with the inbox row of its message.

So a message that arrives twice is one event. The event of a deletion is the last of its account: earlier ones
go with the account, and what comes late is not stored.
"""

from collections.abc import Callable
from typing import Any

from services.notifications.events.kinds import DELETED, KINDS
from services.notifications.store import events as store
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountDeleted, ErasureWanted, Message


def record(message: Message) -> None:
    """Store the event of ``message``."""
    kind = KINDS[type(message)]
    fields = message.model_dump()
    account_id = fields.get("account_id")
    store.take_turn()
    if isinstance(message, AccountDeleted):
        store.forget(message.account_id, but_for=DELETED)
    elif account_id is not None and store.is_deleted(account_id):
        return
    store.add(
        event_id=new_id(),
        type_=kind.type_of(message),
        account_id=account_id,
        organization_id=fields.get("organization_id"),
        content=kind.content_of(message),
        occurred_at=fields["occurred_at"],
    )


def forget_again(message: ErasureWanted) -> None:
    """Delete what is left of a deleted account, or what a backup brought back."""
    store.take_turn()
    store.forget(message.account_id, but_for=DELETED)


def after(handler: Callable[[Any], None], then: Callable[[Any], None] = record) -> Callable[[Any], None]:
    """A handler that also stores the event, last: whoever stores events holds up all others that do."""

    def handle(message: Any) -> None:
        handler(message)
        then(message)

    return handle

"""What the tables of notifications have on an account: what its owner gets a copy of."""

from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from services.notifications.models import (
    Attempt,
    Delivery,
    Event,
    Message,
    Outbox,
    Recipient,
    TemplateVersion,
)
from shared.chassis.holdings import Exported, Holdings, LeftOut


def _is_to(account_id: UUID) -> ColumnElement[bool]:
    """Whether a message is to the account, or to its address and to no other account."""
    address = select(Recipient.email).where(Recipient.account_id == account_id).scalar_subquery()
    to_address = select(Delivery.message_id).where(Delivery.address_key == address)
    is_nobodys = Message.account_id.is_(None)
    return (Message.account_id == account_id) | (is_nobodys & Message.id.in_(to_address))


def _messages_to(account_id: UUID) -> Select[UUID]:
    return select(Message.id).where(_is_to(account_id))


def _deliveries_to(account_id: UUID) -> Select[UUID]:
    return select(Delivery.id).where(Delivery.message_id.in_(_messages_to(account_id)))


HOLDINGS: Holdings = (
    Exported(Recipient, lambda id_: Recipient.account_id == id_),
    # What was in a mail its owner has; codes and links are erased.
    Exported(
        Message,
        _is_to,
        frozenset({"sealed_variables", "content_hash", "trace", "requested_by"}),
    ),
    Exported(Delivery, lambda id_: Delivery.message_id.in_(_messages_to(id_)), frozenset({"address_key"})),
    Exported(Attempt, lambda id_: Attempt.delivery_id.in_(_deliveries_to(id_))),
    Exported(Event, lambda id_: Event.account_id == id_),
    LeftOut(TemplateVersion, "What a team's mails say; who wrote it is forgotten with the account."),
    LeftOut(Outbox, "Encrypted messages to other services, until these have handled them."),
)

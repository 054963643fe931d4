"""The use cases on recipients: who an account is, as its messages tell; each in the courier's transaction."""

from datetime import datetime
from uuid import UUID

from services.notifications.extensions import messages as outbox
from services.notifications.store import messages, recipients
from shared.contracts.messages import (
    AccountDeleted,
    AccountRegistered,
    AccountVerified,
    EmailChanged,
    ErasureConfirmed,
    ErasureWanted,
    ProfileChanged,
)


def know(message: AccountRegistered | AccountVerified) -> None:
    """Remember the address of an account, and its owner's language."""
    recipients.tell(message.account_id, message.email, message.occurred_at, locale=message.locale)


def know_new_address(message: EmailChanged) -> None:
    """Remember the new address of an account; what went to the one before goes with the account."""
    if message.was_proven and recipients.find(message.account_id) is not None:
        messages.take_over(message.account_id, message.old_email)
    recipients.tell(message.account_id, message.new_email, message.occurred_at)


def know_profile(message: ProfileChanged) -> None:
    """Remember what the owner of an account is called, and his language."""
    recipients.tell_profile(
        message.account_id,
        version=message.profile_version,
        name=message.display_name,
        locale=message.locale,
    )


def forget(message: AccountDeleted) -> None:
    """Delete all that is held on a deleted account, and tell users that nothing is left."""
    _erase(message.account_id, message.email, message.occurred_at)


def forget_again(message: ErasureWanted) -> None:
    """As ``forget``: what is left, or what a backup brought back."""
    _erase(message.account_id, None, message.occurred_at)


def _erase(account_id: UUID, told_email: str | None, now: datetime) -> None:
    recipient = recipients.find(account_id)
    for email in {told_email, recipient.email if recipient else None}:
        messages.forget_account(account_id, email)
    recipients.forget(account_id, now)
    outbox.send(ErasureConfirmed(account_id=account_id, service=outbox.service, occurred_at=now))

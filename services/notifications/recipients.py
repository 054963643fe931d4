"""The use cases on recipients: who an account is, as its messages tell; each in the courier's transaction."""

from services.notifications.store import messages, recipients
from shared.contracts.messages import (
    AccountDeleted,
    AccountRegistered,
    AccountVerified,
    EmailChanged,
    ProfileChanged,
)


def know(message: AccountRegistered | AccountVerified) -> None:
    """Remember the address of an account, and its owner's language."""
    recipients.tell(message.account_id, message.email, message.occurred_at, locale=message.locale)


def know_new_address(message: EmailChanged) -> None:
    """Remember the new address of an account."""
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
    """Delete all that is held on a deleted account."""
    messages.forget_account(message.account_id, message.email)
    recipients.forget(message.account_id, message.occurred_at)

"""The mails that follow from what happened to an account; each in the courier's transaction.

A message without an address comes from a release that asked for the mail by itself.
"""

from collections.abc import Mapping
from datetime import datetime

from services.notifications.messages import acceptance
from services.notifications.messages.acceptance import Wanted
from shared.contracts.messages import (
    AccountDisabled,
    AccountNotice,
    PasswordChanged,
    SendEmail,
    SignedInFromNewDevice,
)


def tell_of_new_device(message: SignedInFromNewDevice) -> None:
    """Ask the owner: was it you?"""
    where = {"ip": message.ip, "device": message.user_agent, "time": _moment(message.occurred_at)}
    _tell("new_device", message, where)


def tell_of_new_password(message: PasswordChanged) -> None:
    """Tell the owner of another password."""
    named = {
        "ended_api_keys": message.ended_api_keys,
        "ended_passkeys": message.ended_passkeys,
        "living_api_keys": message.living_api_keys,
        "living_passkeys": message.living_passkeys,
    }
    lists = {name: ", ".join(values) for name, values in named.items() if values}
    template = "password_was_reset" if message.is_reset else "password_changed"
    _tell(template, message, {"time": _moment(message.occurred_at), **lists})


def tell_of_disabling(message: AccountDisabled) -> None:
    """Tell the owner that the account is shut."""
    _tell("account_disabled", message, {})


def _tell(template: str, message: AccountNotice, variables: Mapping[str, str]) -> None:
    if message.email is None:
        return
    acceptance.take_wanted(
        Wanted(
            template=template,
            to_email=message.email,
            locale=message.locale,
            topic=SendEmail.model_fields["topic"].default,
            variables={"name": message.display_name or "", **variables},
            account_id=message.account_id,
        )
    )


def _moment(occurred_at: datetime) -> str:
    return f"{occurred_at:%Y-%m-%d %H:%M} UTC"

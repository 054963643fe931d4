"""What the owner of an account is told: the address was named elsewhere, the password is another."""

from datetime import datetime, timedelta

from services.auth.accounts.credentials import Occasion, Report
from services.auth.deps import deps
from services.auth.extensions import messages
from services.auth.mail import outgoing
from services.auth.models import Account
from services.auth.store import accounts
from services.auth.throttling import mail_slots
from shared.contracts.messages import PasswordChanged


def tell_of_existing(account: Account, now: datetime) -> None:
    """Say that the address has an account already, at most once in a while; in the caller's transaction."""
    interval = timedelta(seconds=deps().settings.mail_interval_seconds)
    is_due = accounts.take_notice_slot(account.id, now, not_since=now - interval)
    if is_due and mail_slots.take(account.email, now):
        outgoing.send_notice("account_exists", account)


def tell_of_password(account: Account, report: Report, occasion: Occasion, now: datetime) -> None:
    """Say that the password was changed or reset, and which credentials ended or live on."""
    messages.send(
        PasswordChanged(
            account_id=account.id,
            occurred_at=now,
            is_reset=occasion is Occasion.RESET,
            **dict(report.variables()),
            **outgoing.owner_of(account),
        )
    )

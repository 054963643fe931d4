"""What the owner of an account is told when somebody names the address elsewhere."""

from datetime import datetime, timedelta

from services.auth.deps import deps
from services.auth.mail import outgoing
from services.auth.models import Account
from services.auth.store import accounts
from services.auth.throttling import mail_slots


def tell_of_existing(account: Account, now: datetime) -> None:
    """Say that the address has an account already, at most once in a while; in the caller's transaction."""
    interval = timedelta(seconds=deps().settings.mail_interval_seconds)
    is_due = accounts.take_notice_slot(account.id, now, not_since=now - interval)
    if is_due and mail_slots.take(account.email, now):
        outgoing.send_notice("account_exists", account)

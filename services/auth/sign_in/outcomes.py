"""What comes of a proof: a session that begins, or what stands in the way; by any way of signing in."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.auth import audit
from services.auth.accounts import deletions
from services.auth.clients import Client
from services.auth.errors import AccountDisabled
from services.auth.models import Account
from services.auth.sessions import sessions
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import devices, mfa_tickets
from services.auth.store import accounts
from shared.chassis.errors import ApiError

Outcome = TokenPair | ApiError


BY_MAIL = ["otp"]


def begin_after_mail(account_id: UUID, client: Client, now: datetime) -> Outcome:
    """What comes of having proven the address, in the caller's transaction."""
    found = accounts.find_credentials(Account.id == account_id)
    if found is None or not found.is_active:
        return AccountDisabled()
    if found.has_totp:
        return mfa_tickets.demand(account_id, BY_MAIL, now)
    account = accounts.lock_for_sign_in(account_id, password_hash=None)
    if account is None:
        return AccountDisabled()
    return begin(account, client, BY_MAIL, now)


def settle(outcome: Outcome) -> TokenPair:
    """The pair, or the error raised: after the commit, since what was consumed stays consumed."""
    if isinstance(outcome, ApiError):
        raise outcome
    return outcome


def begin(account: Account, client: Client, methods: list[str], now: datetime) -> TokenPair:
    """Begin the session of a locked account that has proven itself, in the caller's transaction."""
    device = devices.recognise(account, client, now)
    audit.record("signed_in", account_id=account.id, actor_id=account.id, methods=methods)
    if account.deletes_at is not None:
        deletions.cancel(account, client, now)
    account.last_sign_in_at = now
    pair = sessions.begin(account, client, methods=methods, device_id=device.id, now=now)
    return replace(pair, device_token=device.token)

"""Mailed codes and links: made, mailed, and consumed exactly once.

Always a link and a six-digit code, only hashes stored, the newest one only, five tries, one mail a minute.
Whoever locks an account and a challenge locks the account first, or two of them could wait for each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.codes import CodeAndToken, new_code_and_token
from services.auth.deps import deps
from services.auth.errors import CodeInvalid
from services.auth.mail import outgoing
from services.auth.mail.outgoing import Recipient
from services.auth.models import Account
from services.auth.store import accounts
from services.auth.store import challenges as store
from services.auth.store.challenges import Consumed
from services.auth.throttling import mail_slots


@dataclass(frozen=True, slots=True)
class Purpose:
    """A kind of mailed code: the mail's template, the page that its link opens, its lifetime's setting."""

    name: str
    template: str
    page: str

    @property
    def lifetime(self) -> timedelta:
        """How long such a mail is good."""
        settings = deps().settings
        match self.name:
            case "verify_email":
                return timedelta(hours=settings.verification_hours)
            case "invitation":
                return timedelta(hours=settings.invitation_hours)
            case "password_reset":
                return timedelta(minutes=settings.reset_minutes)
        return timedelta(minutes=settings.code_minutes)


VERIFY_EMAIL = Purpose("verify_email", "verify_email", "verify-email")
PASSWORD_RESET = Purpose("password_reset", "password_reset", "reset-password")
SIGN_IN_CODE = Purpose("sign_in_code", "sign_in_code", "sign-in")
INVITATION = Purpose("invitation", "account_invitation", "reset-password")
EMAIL_CHANGE = Purpose("email_change", "email_change_confirm", "change-email")


def mail(
    purpose: Purpose,
    account: Account,
    now: datetime,
    *,
    to_email: str | None = None,
    template: str | None = None,
) -> bool:
    """Make and mail a challenge in the caller's transaction; False where one went out a moment ago.

    ``template``: another mail than the purpose's own.
    """
    pair = make(purpose, account, now)
    if pair is not None:
        recipient = Recipient.owner_of(account, email=to_email)
        send(purpose, recipient, pair, now, template=template)
    return pair is not None


def make(
    purpose: Purpose, account: Account, now: datetime, *, details: dict[str, Any] | None = None
) -> CodeAndToken | None:
    """Make a challenge in the caller's transaction, to be mailed; None where one was made a moment ago."""
    pair = new_code_and_token()
    settings, hasher = deps().settings, deps().codes
    is_made = store.put(
        account_id=account.id,
        purpose=purpose.name,
        now=now,
        not_since=now - timedelta(seconds=settings.mail_interval_seconds),
        code_hash=hasher.hash(purpose.name, pair.code),
        token_hash=hasher.hash(purpose.name, pair.token),
        tries_left=settings.code_tries,
        details=details or {},
        expires_at=now + purpose.lifetime,
    )
    return pair if is_made else None


def send(
    purpose: Purpose,
    recipient: Recipient,
    pair: CodeAndToken,
    now: datetime,
    *,
    template: str | None = None,
) -> None:
    """Mail a challenge that was made, unless its recipient has had too many mails of late."""
    if not mail_slots.take(recipient.email, now):
        return
    outgoing.send_code(
        template or purpose.template,
        recipient,
        pair,
        page=purpose.page,
        now=now,
        lifetime=purpose.lifetime,
    )


def consume_token(purpose: Purpose, token: str, now: datetime) -> Consumed:
    """Consume what a link carries, in the caller's transaction; raises CodeInvalid."""
    accounts.lock(Account.id == find_account_of_token(purpose, token, now))
    consumed = store.consume_token(purpose.name, deps().codes.hashes(purpose.name, token), now)
    if consumed is None:
        raise CodeInvalid
    _give_slot_back(consumed)
    return consumed


def find_account_of_token(purpose: Purpose, token: str, now: datetime) -> UUID:
    """Whose the link is, which stays good; raises CodeInvalid."""
    account_id = store.find_account_of_token(purpose.name, deps().codes.hashes(purpose.name, token), now)
    if account_id is None:
        raise CodeInvalid
    return account_id


def note_failure(purpose: Purpose, email: str) -> None:
    """Note a wrong code in the caller's transaction, at any address alike."""
    audit.record("code_failed", account_id=accounts.find_id(email), purpose=purpose.name)


def try_code(purpose: Purpose, owner: Any, code: str, now: datetime) -> Consumed | None:
    """Consume a typed code in the caller's transaction; None where it is wrong (commit: it cost a try)."""
    accounts.lock(owner)
    consumed = store.consume_code(purpose.name, owner, deps().codes.hashes(purpose.name, code), now)
    if consumed is not None:
        _give_slot_back(consumed)
    return consumed


def _give_slot_back(consumed: Consumed) -> None:
    """The mail was wanted, wherever it went."""
    account = accounts.find(consumed.account_id)
    if account is not None:
        mail_slots.give_back(consumed.details.get("new_email", account.email))

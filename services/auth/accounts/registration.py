"""The use cases of getting an account: register, verify the address, ask for another mail.

What a request does is the same for every address; what depends on the address is done by the worker.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.extensions import messages
from services.auth.mail import challenges, mail_requests, outgoing
from services.auth.mail.challenges import VERIFY_EMAIL
from services.auth.models import Account, db
from services.auth.passwords import new_passwords
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import by_mail, outcomes
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered, AccountVerified


def register(*, email: str, password: str, name: str | None, locale: str, client: Client) -> None:
    """Make an account unless the address has one; a mail tells the owner.

    Raises PasswordTooWeak, PasswordBreached.
    """
    new_passwords.check(password, known=[email, name])
    password_hash = deps().passwords.hash(password, salt=_registration_salt(email))
    now = utcnow()
    wish = {"email": email, "password_hash": password_hash, "name": name, "locale": locale}
    with transaction(db):
        is_new = accounts.add_unless_known(
            account_id=new_id(),
            email=email,
            now=now,
            display_name=name,
            locale=locale,
            password_hash=password_hash,
        )
        mail_requests.ask("register", {**wish, "is_new": is_new, "client": [client.ip, client.user_agent]})


def _registration_salt(email: str) -> bytes:
    """One salt for all registrations of an address: two with the same password have the same hash.

    It is secret and belongs to this address alone, as a salt must. Later passwords get random ones.
    """
    return bytes.fromhex(deps().codes.hash("registration-salt", email))[:16]


def resend(email: str) -> None:
    """Mail another verification code, if the address waits for one."""
    with transaction(db):
        mail_requests.ask("resend", {"email": email})


def grant_registration(wish: dict[str, Any], now: datetime) -> None:
    """Tell the owner of the address that it was registered: anew, or again; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is None:
        return
    if wish["is_new"]:
        _announce(account, Client(*wish["client"]), now)
    if account.verified_at is not None:
        _tell_of_existing(account, now)
        return
    if account.password_hash != wish["password_hash"]:
        _settle_other_password(account, wish, now)
    challenges.mail(VERIFY_EMAIL, account, now)


def _announce(account: Account, client: Client, now: datetime) -> None:
    messages.send(
        AccountRegistered(
            account_id=account.id,
            email=account.email,
            display_name=account.display_name,
            locale=account.locale,
            roles=tuple(account.roles),
            occurred_at=now,
        )
    )
    audit.record("registered", account_id=account.id, client=client)


def _settle_other_password(account: Account, wish: dict[str, Any], now: datetime) -> None:
    """Somebody registered an unverified address again, with another password.

    While a verification mail is alive nobody knows whose password its reader would bring into force:
    then neither counts, and the owner sets one by reset. After that the newer registration does.
    """
    if challenges.is_alive(VERIFY_EMAIL, account.id, now):
        account.password_hash = None
        return
    account.password_hash = wish["password_hash"]
    account.display_name = wish["name"]
    account.locale = wish["locale"]


def _tell_of_existing(account: Account, now: datetime) -> None:
    interval = timedelta(seconds=deps().settings.mail_interval_seconds)
    if accounts.take_notice_slot(account.id, now, not_since=now - interval):
        outgoing.send_notice("account_exists", account)


def grant_resend(wish: dict[str, Any], now: datetime) -> None:
    """Mail another verification code to an unverified account; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is not None and account.verified_at is None:
        challenges.mail(VERIFY_EMAIL, account, now)


def verify_by_token(token: str, client: Client) -> TokenPair:
    """Prove the address by the mail's link, and sign in; raises CodeInvalid, MfaRequired, AccountDisabled."""
    return by_mail.by_token(VERIFY_EMAIL, token, client, _begin_verified)


def verify_by_code(email: str, code: str, client: Client) -> TokenPair:
    """Prove the address by the code of the mail, and sign in; raises as above, and TooManyAttempts."""
    return by_mail.by_code(VERIFY_EMAIL, email, code, client, _begin_verified)


def _begin_verified(account_id: UUID, client: Client, now: datetime) -> outcomes.Outcome:
    mark_verified(account_id, now)
    return outcomes.begin_after_mail(account_id, client, now)


def mark_verified(account_id: UUID, now: datetime) -> None:
    """Note in the caller's transaction that the address is proven, and tell the others."""
    account = accounts.find_for_update(account_id)
    if account is None or account.verified_at is not None:
        return
    account.verified_at = now
    account.updated_at = now
    messages.send(AccountVerified(account_id=account.id, email=account.email, occurred_at=now))
    audit.record("email_verified", account_id=account.id)

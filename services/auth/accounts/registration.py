"""The use cases of signing up: register, ask for another mail. A registration is no account yet.

What a request does is the same for every address; what depends on the address is done by the worker.
``new_accounts`` makes the account once the address is proven.
"""

from datetime import datetime, timedelta
from typing import Any

from services.auth.accounts import notices, sign_up
from services.auth.codes import new_code_and_token
from services.auth.deps import deps
from services.auth.mail import challenges, mail_requests
from services.auth.mail.challenges import VERIFY_EMAIL, Purpose
from services.auth.mail.outgoing import Recipient
from services.auth.models import Registration, db
from services.auth.passwords import new_passwords
from services.auth.store import accounts, registrations
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


def register(*, email: str, password: str, name: str | None, locale: str) -> None:
    """Keep a registration, whether the address has an account or not; a mail goes there.

    Raises SignUpClosed, DomainRefused, PasswordTooWeak, PasswordBreached.
    """
    sign_up.check(email)
    new_passwords.check(password, known=[email, name])
    password_hash = deps().passwords.hash(password, salt=_registration_salt(email))
    now = utcnow()
    with transaction(db):
        registrations.put(
            email=email,
            password_hash=password_hash,
            display_name=name,
            locale=locale,
            now=now,
            expires_at=now + VERIFY_EMAIL.lifetime,
        )
        mail_requests.ask("register", {"email": email})


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
    """Mail the code of a registration, or tell the owner of the account; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is None:
        mail_code(VERIFY_EMAIL, wish["email"], now)
        return
    registrations.forget(account.email)
    if account.verified_at is None:
        challenges.mail(VERIFY_EMAIL, account, now)
    else:
        notices.tell_of_existing(account, now)


def grant_resend(wish: dict[str, Any], now: datetime) -> None:
    """Mail another verification code to an address that waits for it; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is None:
        mail_code(VERIFY_EMAIL, wish["email"], now)
    elif account.verified_at is None:
        challenges.mail(VERIFY_EMAIL, account, now)


def mail_code(purpose: Purpose, email: str, now: datetime) -> None:
    """Mail a code and link to an address whose registration waits, if one does and none went out just now.

    It takes the place of the mail before. The mail does not greet: whoever signed up chose that name.
    """
    registration = registrations.find_for_update(email, now)
    if registration is None or not _may_be_mailed(registration, now):
        return
    pair, hasher = new_code_and_token(), deps().codes
    registration.purpose = purpose.name
    registration.code_hash = hasher.hash(purpose.name, pair.code)
    registration.token_hash = hasher.hash(purpose.name, pair.token)
    registration.tries_left = deps().settings.code_tries
    registration.mailed_at = now
    registration.code_expires_at = now + purpose.lifetime
    registration.expires_at = max(registration.expires_at, registration.code_expires_at)
    challenges.send(purpose, Recipient(email, registration.locale), pair, now)


def _may_be_mailed(registration: Registration, now: datetime) -> bool:
    interval = timedelta(seconds=deps().settings.mail_interval_seconds)
    return registration.mailed_at is None or registration.mailed_at <= now - interval

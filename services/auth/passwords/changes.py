"""The use cases on passwords: forgotten, reset by mail, changed by their owner.

``accounts/credentials.py`` says what each of them ends. The owner is told by mail, and what lives on.
"""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.accounts import credentials, notices
from services.auth.accounts.credentials import Occasion, Spared
from services.auth.accounts.new_accounts import mark_verified
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import CodeInvalid
from services.auth.mail import challenges, mail_requests
from services.auth.mail.challenges import INVITATION, PASSWORD_RESET
from services.auth.models import Account, db
from services.auth.passwords import new_passwords
from services.auth.sign_in import reauthentication
from services.auth.store import accounts
from services.auth.store.challenges import Consumed
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


def forget(email: str) -> None:
    """Mail a reset code, if the address has an account that may sign in."""
    with transaction(db):
        mail_requests.ask("password_reset", {"email": email})


def grant_reset(wish: dict[str, Any], now: datetime) -> None:
    """Mail the reset code; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is not None and account.is_active:
        challenges.mail(PASSWORD_RESET, account, now)


def reset_by_token(token: str, password: str, *, keep: frozenset[str] = frozenset()) -> None:
    """Set the password by the link of the mail; raises CodeInvalid, PasswordTooWeak, PasswordBreached."""
    new_passwords.check(password, known=[])
    password_hash = deps().passwords.hash(password)
    now = utcnow()
    with transaction(db):
        consumed = _consume_token(token, now)
        _reset(consumed, password, password_hash, Spared(tables=keep), now)


def _consume_token(token: str, now: datetime) -> Consumed:
    """The link of a reset or of an invitation: both set a password."""
    with suppress(CodeInvalid):
        return challenges.consume_token(INVITATION, token, now)
    return challenges.consume_token(PASSWORD_RESET, token, now)


def reset_by_code(
    *, email: str, code: str, password: str, client: Client, keep: frozenset[str] = frozenset()
) -> None:
    """Set the password by the code of the mail.

    Raises CodeInvalid, PasswordTooWeak, PasswordBreached, TooManyAttempts.
    """
    new_passwords.check(password, known=[email])
    attempt = attempts.enter_sign_in(email, client)
    password_hash = deps().passwords.hash(password)
    now = utcnow()
    with transaction(db):
        consumed = challenges.try_code(PASSWORD_RESET, Account.email == email, code, now)
        consumed = consumed or challenges.try_code(INVITATION, Account.email == email, code, now)
        if consumed is not None:
            _reset(consumed, password, password_hash, Spared(tables=keep), now)
            attempt.succeed()
        else:
            challenges.note_failure(PASSWORD_RESET, email)
    if consumed is None:
        raise CodeInvalid


def _reset(consumed: Consumed, password: str, password_hash: str, spared: Spared, now: datetime) -> None:
    account = accounts.find_for_update(consumed.account_id)
    if account is None:
        return
    # Only now is it told how the owner is called. A refusal undoes the consumption as well.
    new_passwords.check_strength(password, known=[account.email, account.display_name])
    mark_verified(account.id, now)  # the code came by mail, so the address is proven as well
    _set(account, password_hash, Occasion.RESET, spared, now)
    audit.record("password_reset", account_id=account.id, actor_id=account.id)


def change(
    account_id: UUID, session_id: UUID | None, *, current_password: str, new_password: str, client: Client
) -> None:
    """Set another password; raises InvalidCredentials, PasswordTooWeak, PasswordBreached, TooManyAttempts."""
    proven = reauthentication.prove_by_password(account_id, current_password, client)
    new_passwords.check(new_password, known=[proven.email, proven.display_name], pointer="/new_password")
    password_hash = deps().passwords.hash(new_password)
    with transaction(db):
        account = reauthentication.lock_proven(proven)
        _set(account, password_hash, Occasion.CHANGE, Spared.own(session_id), utcnow())
        audit.record("password_changed", account_id=account_id)


def replace(account: Account, password_hash: str, now: datetime) -> None:
    """Give a locked account another password on behalf of the operator, as a reset would."""
    _set(account, password_hash, Occasion.RESET, Spared(), now)


def _set(account: Account, password_hash: str, occasion: Occasion, spared: Spared, now: datetime) -> None:
    account.password_hash = password_hash
    account.updated_at = now
    report = credentials.end(account.id, occasion, spared, now)
    notices.tell_of_password(account, report, occasion, now)

"""Accounts come into being here: when the code or link that went to the address of a registration is used.

The mail decides about the password. The code of a sign-up mail brings that of the sign-up into force, unless
another sign-up with another password waited at the same time; a sign-in code never does, since its reader
may be somebody else. An account that is so left without a password is told how to set one.
"""

from datetime import datetime
from uuid import UUID

from services.auth import audit
from services.auth.deps import deps
from services.auth.extensions import messages
from services.auth.mail import challenges
from services.auth.mail.challenges import PASSWORD_RESET, VERIFY_EMAIL, Purpose
from services.auth.models import Account
from services.auth.store import accounts, registrations
from services.auth.store.registrations import Proven
from services.auth.throttling import mail_slots
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered, AccountVerified

PASSWORD_NOT_TAKEN = "set_password"  # noqa: S105  (a template)


def make_by_token(purpose: Purpose, token: str, now: datetime) -> UUID | None:
    """Make the account whose registration the link proves, in the caller's transaction; its id, or None."""
    hashes = deps().codes.hashes(purpose.name, token)
    return _make(purpose, registrations.consume_token(purpose.name, hashes, now), now)


def make_by_code(purpose: Purpose, email: str, code: str, now: datetime) -> UUID | None:
    """Make the account whose registration the code proves; None where it does not (commit: it cost a try)."""
    hashes = deps().codes.hashes(purpose.name, code)
    return _make(purpose, registrations.consume_code(purpose.name, email, hashes, now), now)


def _make(purpose: Purpose, proven: Proven | None, now: datetime) -> UUID | None:
    if proven is None:
        return None
    mail_slots.give_back(proven.email)
    password_hash = proven.password_hash if purpose == VERIFY_EMAIL else None
    account_id = new_id()
    is_made = accounts.add_unless_known(
        account_id=account_id,
        email=proven.email,
        now=now,
        display_name=proven.display_name,
        locale=proven.locale,
        password_hash=password_hash,
        verified_at=now,
    )
    if not is_made:
        return None  # another account has got the address meanwhile, and its owner was told
    account = accounts.find_for_update(account_id)
    if account is not None:
        _announce(account, now)
        if password_hash is None:
            _tell_of_password(account, now)
    return account_id


def _tell_of_password(account: Account, now: datetime) -> None:
    """Say that the password of the sign-up was not taken, with a code and link to set one."""
    challenges.mail(PASSWORD_RESET, account, now, template=PASSWORD_NOT_TAKEN)


def _announce(account: Account, now: datetime) -> None:
    announce_registration(account, now)
    audit.record("registered", account_id=account.id, actor_id=account.id)
    announce_verification(account, now)


def announce_registration(account: Account, now: datetime) -> None:
    """Tell the other services of the account, in the caller's transaction."""
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


def announce_address(account: Account, now: datetime) -> None:
    """Tell the other services of a proven address, in the caller's transaction."""
    messages.send(
        AccountVerified(account_id=account.id, email=account.email, locale=account.locale, occurred_at=now)
    )


def announce_verification(account: Account, now: datetime) -> None:
    """Tell the other services that the address was proven just now, in the caller\'s transaction."""
    announce_address(account, now)
    audit.record("email_verified", account_id=account.id, actor_id=account.id)


def mark_verified(account_id: UUID, now: datetime) -> None:
    """Note in the caller's transaction that the address of an account is proven, and tell the others."""
    account = accounts.find_for_update(account_id)
    if account is None or account.verified_at is not None:
        return
    account.verified_at = now
    account.updated_at = now
    announce_verification(account, now)


def verify_without_password(account: Account, now: datetime) -> None:
    """As ``mark_verified``, by somebody who may not be who chose the password: it is dropped.

    For accounts that came unverified out of an import; a mail says so.
    """
    if account.password_hash is not None:
        account.password_hash = None
        _tell_of_password(account, now)
    mark_verified(account.id, now)

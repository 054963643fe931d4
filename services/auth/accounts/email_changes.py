"""The use cases of getting another address: asked for with the password, proven by what is sent there.

Its reader has to be the account's owner as well, in a session or by the password: an address may be
mistyped, and then a link alone would give the account to a stranger. Both addresses are told.
Whether the new one is taken is told to nobody but its owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from services.auth import audit
from services.auth.accounts import credentials, email_undos, notices, sign_up
from services.auth.accounts.credentials import Occasion, Spared
from services.auth.clients import Client
from services.auth.codes import digest
from services.auth.errors import AddressTaken, CodeInvalid
from services.auth.extensions import messages
from services.auth.mail import challenges, mail_requests, outgoing
from services.auth.mail.challenges import EMAIL_CHANGE
from services.auth.mail.outgoing import Recipient
from services.auth.models import Account, db
from services.auth.sign_in import reauthentication
from services.auth.store import accounts, registrations
from services.auth.store.challenges import Consumed
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import EmailChanged


def ask(account_id: UUID, *, new_email: str, password: str, code: str | None, client: Client) -> None:
    """Mail a code and link to the new address, to whoever proves the second factor too where there is one.

    Raises InvalidCredentials, SecondFactorRequired, CodeInvalid, TooManyAttempts.
    """
    sign_up.check_domain(new_email)
    proven = reauthentication.prove_by_password(account_id, password, client)
    reauthentication.prove_second_factor(account_id, code, client)
    wish = {"account_id": str(account_id), "new_email": new_email, "proven": _mark(proven.password_hash)}
    with transaction(db):
        reauthentication.lock_proven(proven)
        mail_requests.ask("email_change", wish)
        audit.record("email_change_asked", account_id=account_id)


def _mark(password_hash: str | None) -> str:
    """What a request remembers of the password that it was made with: another one ends it."""
    return digest(password_hash or "")


def grant(wish: dict[str, Any], now: datetime) -> None:
    """Mail a notice to the old address and the code and link to the new one; in the worker's transaction.

    What the old mailbox gets, and when, is settled before anybody looks whether the new address is taken:
    its reader is who asks. A code for an address that is taken is made as well, and mailed to nobody.
    """
    account = accounts.find_for_update(UUID(wish["account_id"]))
    # A request of the release before says nothing of a password.
    if account is None or wish.get("proven") not in {None, _mark(account.password_hash)}:
        return
    new_email = wish["new_email"]
    pair = challenges.make(EMAIL_CHANGE, account, now, details={"new_email": new_email})
    if pair is None:
        return
    outgoing.send_notice("email_change_notice", account)
    holder = accounts.find_by_email_for_update(new_email)
    if holder is None:
        challenges.send(EMAIL_CHANGE, Recipient.owner_of(account, email=new_email), pair, now)
    else:
        notices.tell_of_existing(holder, now)


def confirm_by_code(account_id: UUID, session_id: UUID | None, code: str) -> None:
    """Take the new address over by the mail's code; raises CodeInvalid, AddressTaken, TooManyAttempts."""
    attempt = attempts.enter(attempts.second_factor_key(account_id))
    now = utcnow()
    with _unless_taken(), transaction(db):
        consumed = challenges.try_code(EMAIL_CHANGE, Account.id == account_id, code, now)
        if consumed is not None:
            _take_over(consumed, session_id, now)
            attempt.succeed()
    if consumed is None:
        raise CodeInvalid


def confirm_by_token(account_id: UUID, session_id: UUID | None, token: str) -> None:
    """Take the new address over by the mail's link, signed in; raises CodeInvalid, AddressTaken."""
    with _unless_taken(), transaction(db):
        _consume_link(account_id, session_id, token)


def confirm_by_password(token: str, password: str, client: Client) -> None:
    """Take the new address over by the mail's link and the password; ends every session.

    Raises CodeInvalid, InvalidCredentials, AddressTaken, TooManyAttempts.
    """
    with transaction(db):
        account_id = challenges.find_account_of_token(EMAIL_CHANGE, token, utcnow())
    proven = reauthentication.prove_by_password(account_id, password, client)
    with _unless_taken(), transaction(db):
        reauthentication.lock_proven(proven)
        _consume_link(account_id, None, token)


def undo(token: str) -> None:
    """Take the former address back by the link that was mailed there; raises CodeInvalid, AddressTaken."""
    with _unless_taken():
        email_undos.undo(token)


def _consume_link(account_id: UUID, session_id: UUID | None, token: str) -> None:
    now = utcnow()
    consumed = challenges.consume_token(EMAIL_CHANGE, token, now)
    if consumed.account_id != account_id:
        raise CodeInvalid
    _take_over(consumed, session_id, now)


@contextmanager
def _unless_taken() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise AddressTaken from error


def _take_over(consumed: Consumed, session_id: UUID | None, now: datetime) -> None:
    account = accounts.find_for_update(consumed.account_id)
    if account is None:
        return
    was_proven = account.verified_at is not None
    old_email, account.email = account.email, consumed.details["new_email"]
    account.verified_at = now
    account.updated_at = now
    db.session.flush()
    # The codes that went to the old address, and whoever was inside.
    credentials.end(account.id, Occasion.ADDRESS, Spared.own(session_id), now)
    registrations.forget(account.email)  # whoever waited there has not proven it
    messages.send(
        EmailChanged(
            account_id=account.id,
            old_email=old_email,
            new_email=account.email,
            was_proven=was_proven,
            occurred_at=now,
        )
    )
    email_undos.tell_old_address(account, old_email, now)
    outgoing.send_notice("email_changed", account)
    audit.record("email_changed", account_id=account.id, actor_id=account.id)

"""Ending a sign-in by a second factor: the ticket that the first one gave, and a code that serves once."""

from datetime import datetime
from uuid import UUID

from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import CodeInvalid, MfaTokenInvalid
from services.auth.factors import failures
from services.auth.factors.codes import use_code
from services.auth.models import db
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import outcomes
from services.auth.sign_in.mfa_tickets import TICKET
from services.auth.store import accounts, challenges
from services.auth.throttling import attempts
from services.auth.throttling.attempts import Attempt
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction

PROVEN = ("otp", "mfa")


def verify(mfa_token: str, code: str, client: Client) -> TokenPair:
    """End a sign-in by its second factor; raises MfaTokenInvalid, CodeInvalid, TooManyAttempts."""
    hashes = deps().codes.hashes(TICKET, mfa_token)
    account_id = _account_of(hashes)
    attempt = attempts.enter_second_factor(account_id, client)
    now = utcnow()
    try:
        return _finish(hashes, account_id, code, attempt, client, now)
    except CodeInvalid:
        failures.note(account_id, client, now)
        raise


def _finish(
    hashes: list[str], account_id: UUID, code: str, attempt: Attempt, client: Client, now: datetime
) -> TokenPair:
    with transaction(db):
        # Locked first, as by whoever ends credentials: a reset takes the ticket, or ends the session.
        account = accounts.lock_for_sign_in(account_id, password_hash=None)
        # Of many with one ticket the second finds it gone. A wrong code rolls back, so that it serves again.
        ticket = challenges.take_ticket(TICKET, hashes, now)
        if ticket is None or account is None:
            raise MfaTokenInvalid
        if not use_code(account_id, code, now):
            raise CodeInvalid("This code is wrong or was used before.")
        pair = outcomes.begin(account, client, [*ticket.details["methods"], *PROVEN], now)
        attempt.succeed()
    return pair


def _account_of(hashes: list[str]) -> UUID:
    with transaction(db):
        ticket = challenges.find_ticket(TICKET, hashes, utcnow())
        if ticket is None or ticket.account_id is None:
            raise MfaTokenInvalid
        account_id: UUID = ticket.account_id
    return account_id

"""Signing in by what was mailed: the token of the link, or the code that is typed in.

The mail went to an account's address, or to that of a registration, which becomes an account by it.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from services.auth.accounts import new_accounts
from services.auth.clients import Client
from services.auth.errors import CodeInvalid
from services.auth.mail import challenges
from services.auth.mail.challenges import Purpose
from services.auth.models import Account, db
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import outcomes
from services.auth.throttling import attempts
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction

# What follows for the account whose mail it was, in the transaction that consumes it.
Begin = Callable[[UUID, Client, datetime], outcomes.Outcome]


def by_token(purpose: Purpose, token: str, client: Client, begin: Begin) -> TokenPair:
    """Consume the link's token; raises CodeInvalid, MfaRequired, AccountDisabled."""
    now = utcnow()
    with transaction(db):
        account_id = new_accounts.make_by_token(purpose, token, now)
        if account_id is None:
            account_id = challenges.consume_token(purpose, token, now).account_id
        outcome = begin(account_id, client, now)
    return outcomes.settle(outcome)


def by_code(purpose: Purpose, email: str, code: str, client: Client, begin: Begin) -> TokenPair:
    """Try the code, and consume it; raises CodeInvalid, MfaRequired, AccountDisabled, TooManyAttempts."""
    attempt = attempts.enter_sign_in(email, client)
    now = utcnow()
    outcome: outcomes.Outcome = CodeInvalid()
    with transaction(db):
        account_id = _consume(purpose, email, code, now)
        if account_id is not None:
            outcome = begin(account_id, client, now)
            attempt.succeed()
        else:
            challenges.note_failure(purpose, email)
    return outcomes.settle(outcome)


def _consume(purpose: Purpose, email: str, code: str, now: datetime) -> UUID | None:
    """Whose code it is; of an account or of a registration, both are looked for at any address."""
    consumed = challenges.try_code(purpose, Account.email == email, code, now)
    made = new_accounts.make_by_code(purpose, email, code, now)
    return consumed.account_id if consumed else made

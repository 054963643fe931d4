"""Signing in by what was mailed: the token of the link, or the code that is typed in."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

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
        consumed = challenges.consume_token(purpose, token, now)
        outcome = begin(consumed.account_id, client, now)
    return outcomes.settle(outcome)


def by_code(purpose: Purpose, email: str, code: str, client: Client, begin: Begin) -> TokenPair:
    """Try the code, and consume it; raises CodeInvalid, MfaRequired, AccountDisabled, TooManyAttempts."""
    attempt = attempts.enter_sign_in(email, client)
    now = utcnow()
    outcome: outcomes.Outcome = CodeInvalid()
    with transaction(db):
        consumed = challenges.try_code(purpose, Account.email == email, code, now)
        if consumed is not None:
            outcome = begin(consumed.account_id, client, now)
            attempt.succeed()
    return outcomes.settle(outcome)

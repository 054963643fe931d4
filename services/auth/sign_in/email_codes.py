"""The use cases of signing in without a password, by what was mailed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth.accounts import new_accounts, registration
from services.auth.clients import Client
from services.auth.mail import challenges, mail_requests
from services.auth.mail.challenges import SIGN_IN_CODE
from services.auth.models import db
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import by_mail, outcomes
from services.auth.store import accounts
from shared.chassis.database import transaction


def ask(email: str) -> None:
    """Mail a sign-in code, if the address has an account that may sign in, or a registration that waits."""
    with transaction(db):
        mail_requests.ask("sign_in_code", {"email": email})


def grant(wish: dict[str, Any], now: datetime) -> None:
    """Mail the sign-in code, to the address of a registration as well; in the worker's transaction."""
    account = accounts.find_by_email_for_update(wish["email"])
    if account is None:
        registration.mail_code(SIGN_IN_CODE, wish["email"], now)
    elif account.is_active:
        challenges.mail(SIGN_IN_CODE, account, now)


def verify_by_token(token: str, client: Client) -> TokenPair:
    """Sign in by the link of the mail; raises CodeInvalid, MfaRequired, AccountDisabled."""
    return by_mail.by_token(SIGN_IN_CODE, token, client, _begin)


def verify_by_code(email: str, code: str, client: Client) -> TokenPair:
    """Sign in by the code of the mail; raises CodeInvalid, MfaRequired, AccountDisabled, TooManyAttempts."""
    return by_mail.by_code(SIGN_IN_CODE, email, code, client, _begin)


def _begin(account_id: UUID, client: Client, now: datetime) -> outcomes.Outcome:
    account = accounts.find_for_update(account_id)
    if account is not None and account.verified_at is None:
        new_accounts.verify_without_password(account, now)
    return outcomes.begin_after_mail(account_id, client, now)

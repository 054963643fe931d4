"""The use cases of proving an address by the mail that went there, which signs in as well."""

from datetime import datetime
from uuid import UUID

from services.auth.accounts import new_accounts
from services.auth.clients import Client
from services.auth.mail.challenges import VERIFY_EMAIL
from services.auth.sessions.access_tokens import TokenPair
from services.auth.sign_in import by_mail, outcomes


def by_token(token: str, client: Client) -> TokenPair:
    """Prove the address by the mail's link, and sign in; raises CodeInvalid, MfaRequired, AccountDisabled."""
    return by_mail.by_token(VERIFY_EMAIL, token, client, _begin)


def by_code(email: str, code: str, client: Client) -> TokenPair:
    """Prove the address by the code of the mail, and sign in; raises as above, and TooManyAttempts."""
    return by_mail.by_code(VERIFY_EMAIL, email, code, client, _begin)


def _begin(account_id: UUID, client: Client, now: datetime) -> outcomes.Outcome:
    new_accounts.mark_verified(account_id, now)
    return outcomes.begin_after_mail(account_id, client, now)

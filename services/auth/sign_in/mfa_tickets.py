"""The ticket between the two halves of a sign-in that needs a second factor."""

from datetime import datetime, timedelta
from uuid import UUID

from services.auth import audit
from services.auth.codes import new_token
from services.auth.deps import deps
from services.auth.errors import MfaRequired
from services.auth.store import challenges

TICKET = "mfa"
TICKET_LIFETIME = timedelta(minutes=5)
METHODS = ("totp", "recovery_code")


def demand(account_id: UUID, methods: list[str], now: datetime) -> MfaRequired:
    """The error that asks for a second factor, its ticket written in the caller's transaction."""
    token = new_token()
    challenges.add_ticket(
        token_hash=deps().codes.hash(TICKET, token),
        purpose=TICKET,
        account_id=account_id,
        details={"methods": methods},
        expires_at=now + TICKET_LIFETIME,
    )
    audit.record("second_factor_asked", account_id=account_id, actor_id=account_id, methods=methods)
    return MfaRequired(mfa_token=token, methods=list(METHODS))

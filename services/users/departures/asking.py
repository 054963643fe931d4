"""The use case of asking to leave: auth sets the day, ends the sessions and mails the way back."""

from datetime import datetime
from uuid import UUID

from services.users.deps import deps
from services.users.organizations.departures import require_decision
from shared.contracts.internal import DeletionAskedBody


def ask(
    account_id: UUID, *, password: str | None, session_id: UUID | None, ip: str, user_agent: str
) -> datetime:
    """When the account will be deleted unless its owner signs in before.

    Raises SoleOwner, and what auth refuses.
    """
    require_decision(account_id)
    asked = DeletionAskedBody(password=password, session_id=session_id, ip=ip, user_agent=user_agent)
    return deps().accounts.ask_deletion(account_id, asked).deletes_at

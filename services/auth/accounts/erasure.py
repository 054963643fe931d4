"""Erasure: what auth still holds on a deleted account beside its rows, which went with it.

The audit log keeps that something was done and when, and forgets to whom, by whom and from where. The event
`account_deleted` keeps the id: the tombstone, which says nothing else.
"""

from datetime import datetime
from uuid import UUID

from services.auth.extensions import messages
from services.auth.store import audit_events
from shared.contracts.messages import ErasureConfirmed


def erase(account_id: UUID, now: datetime) -> None:
    """Make what is left anonymous, in the caller's transaction, and tell users that it is."""
    audit_events.anonymise(account_id)
    messages.send(ErasureConfirmed(account_id=account_id, service=messages.service, occurred_at=now))

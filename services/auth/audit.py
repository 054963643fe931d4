"""The audit log: who did what to whom, from where. Rows are only added, in the deed's transaction."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from flask import has_request_context

from services.auth.clients import Client, current_client
from services.auth.models import AuditEvent
from services.auth.store import audit_events as store
from shared.chassis import pagination, tracing
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id


def record(
    action: str,
    *,
    account_id: UUID | None,
    actor_id: UUID | None = None,
    client: Client | None = None,
    **details: Any,
) -> None:
    """Note in the caller's transaction what was done to the account; by its owner unless said otherwise."""
    if client is None and has_request_context():
        client = current_client()
    trace = tracing.current()
    values = {
        "id": new_id(),
        "occurred_at": utcnow(),
        "action": action,
        "actor_id": actor_id or account_id,
        "account_id": account_id,
        "ip": client.ip if client else None,
        "user_agent": client.user_agent if client else None,
        "request_id": trace.request_id if trace else None,
        "details": details,
    }
    store.add(values)


def search(*, limit: int, **filters: Any) -> dict[str, Any]:
    """One page of events, newest first."""
    rows = store.search(limit=limit + 1, **filters)
    return pagination.page_of(rows, limit=limit, key=lambda event: event.id)


def iterate(**filters: Any) -> Iterator[AuditEvent]:
    """Every event that matches, newest first, a batch at a time."""
    return store.iterate(**filters)

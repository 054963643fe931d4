"""The audit log: who did what to whom, from where. Rows are only added, in the deed's transaction."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from flask import g, has_request_context

from services.auth.clients import Client, current_client
from services.auth.models import AuditEvent
from services.auth.store import audit_events as store
from shared.chassis import pagination, tracing
from shared.chassis.access import Caller
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id

OUTSIDE = "audit_actor_outside_of_requests"


class ActorKind(StrEnum):
    """Who did it: a session of an account, one of its API keys, nobody known, a process, a command."""

    ACCOUNT = "account"
    API_KEY = "api_key"
    STRANGER = "stranger"
    SYSTEM = "system"
    OPERATOR = "operator"


class Actor(NamedTuple):
    """Whoever did something, and the session or key by which."""

    kind: ActorKind
    account_id: UUID | None = None
    credential_id: UUID | None = None


def record(
    action: str,
    *,
    account_id: UUID | None,
    actor_id: UUID | None = None,
    client: Client | None = None,
    **details: Any,
) -> None:
    """Note in the caller's transaction what was done to the account, and by whom.

    That is whoever the request's access token speaks for; else the account ``actor_id``, which has proven
    itself otherwise; else somebody unknown, or outside of requests this process.
    """
    if client is None and has_request_context():
        client = current_client()
    actor, trace = _actor(actor_id), tracing.current()
    values = {
        "id": new_id(),
        "occurred_at": utcnow(),
        "action": action,
        "actor_id": actor.account_id,
        "actor_kind": actor.kind,
        "credential_id": actor.credential_id,
        "account_id": account_id,
        "ip": client.ip if client else None,
        "user_agent": client.user_agent if client else None,
        "request_id": trace.request_id if trace else None,
        "details": details,
    }
    store.add(values)


def record_all(action: str, accounts: Mapping[UUID, dict[str, Any]]) -> None:
    """Note what was done to many accounts at once, with its details, in the caller's transaction."""
    actor, now = _actor(None), utcnow()
    store.add_all(
        {
            "id": new_id(),
            "occurred_at": now,
            "action": action,
            "actor_id": actor.account_id,
            "actor_kind": actor.kind,
            "account_id": account_id,
            "details": details,
        }
        for account_id, details in accounts.items()
    )


def _actor(actor_id: UUID | None) -> Actor:
    who: Caller | None = g.get("caller")
    if who is not None:
        kind = ActorKind.ACCOUNT if who.scopes is None else ActorKind.API_KEY
        return Actor(kind, who.account_id, who.session_id)
    if actor_id is not None:
        return Actor(ActorKind.ACCOUNT, actor_id)
    if has_request_context():
        return Actor(ActorKind.STRANGER)
    return Actor(g.get(OUTSIDE, ActorKind.SYSTEM))


def act_as_operator() -> None:
    """Let what this app context does be the command line's."""
    setattr(g, OUTSIDE, ActorKind.OPERATOR)


def search(*, limit: int, **filters: Any) -> dict[str, Any]:
    """One page of events, newest first."""
    rows = store.search(limit=limit + 1, **filters)
    return pagination.page_of(rows, limit=limit, key=lambda event: event.id)


def iterate(**filters: Any) -> Iterator[AuditEvent]:
    """Every event that matches, newest first, a batch at a time."""
    return store.iterate(**filters)

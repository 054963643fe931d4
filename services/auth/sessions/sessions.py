"""The use cases on sessions: begin, list, end. Refreshing is a module of its own.

One row a session, updated in place. What ends here is refused at the gateways within a second.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.clients import Client
from services.auth.deps import deps
from services.auth.errors import (
    SessionNotFound,
)
from services.auth.models import Account, Session, db
from services.auth.sessions import organizations, revocations
from services.auth.sessions.access_tokens import TokenPair, pair_of
from services.auth.store import sessions as store
from services.auth.store.sessions import Standing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.logs import get_logger

log = get_logger(__name__)


def begin(
    account: Account, client: Client, *, methods: list[str], device_id: UUID | None, now: datetime
) -> TokenPair:
    """Make a session of ``account`` in the caller's transaction, which has locked it; its first pair."""
    role = organizations.require_role(account.id, client.organization_id)
    session = store.add(
        id=new_id(),
        account_id=account.id,
        counter=1,
        rotations=[],
        milestones=[],
        received=0,
        methods=methods,
        authenticated_at=now,
        created_at=now,
        last_used_at=now,
        expires_at=now + deps().lifetimes.absolute,
        ip=client.ip,
        user_agent=client.user_agent,
        device_id=device_id,
        organization_id=client.organization_id,
    )
    _end_surplus(account.id, now)
    return pair_of(_standing_of(account, session, role), now)


def _end_surplus(account_id: UUID, now: datetime) -> None:
    """A client that signs in for each call would have sessions without end."""
    kept, reason = deps().settings.sessions_per_account, "too_many_sessions"
    surplus = store.end_surplus(account_id, kept=kept, now=now, reason=reason)
    revocations.revoke_sessions(surplus, now)
    for ended in surplus:
        audit.record("session_ended", account_id=account_id, session_id=str(ended), reason=reason)


def _standing_of(account: Account, session: Session, role: str | None) -> Standing:
    return Standing(
        session_id=session.id,
        account_id=account.id,
        counter=session.counter,
        rotations=session.rotations,
        milestones=session.milestones,
        received=session.received,
        methods=session.methods,
        authenticated_at=session.authenticated_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        ended_at=session.ended_at,
        roles=account.roles,
        version=account.version,
        is_verified=account.verified_at is not None,
        is_active=account.is_active,
        organization_id=session.organization_id,
        organization_role=role,
    )


def list_living(account_id: UUID) -> Sequence[Session]:
    """The sessions of the account that have not ended, latest used first."""
    now = utcnow()
    return store.list_living(account_id, now=now, idle_since=now - deps().lifetimes.idle)


def end_one(account_id: UUID, session_id: UUID, *, reason: str = "signed_out") -> None:
    """End one session of the account; raises SessionNotFound."""
    with transaction(db):
        is_ended = _end(
            Session.id == session_id, Session.account_id == account_id, now=utcnow(), reason=reason
        )
        if not is_ended:
            raise SessionNotFound
        audit.record("session_ended", account_id=account_id, session_id=str(session_id), reason=reason)


def sign_out(account_id: UUID, session_id: UUID | None) -> None:
    """End the caller's session; harmless where it has ended."""
    with transaction(db):
        if _end(Session.id == session_id, now=utcnow(), reason="signed_out"):
            audit.record("signed_out", account_id=account_id, session_id=str(session_id))


def end_copied(session_id: UUID, now: datetime) -> bool:
    """End a session one of whose refresh tokens was copied, in the caller's transaction; False if it has."""
    return bool(_end(Session.id == session_id, now=now, reason="refresh_token_reused"))


def end_all(account_id: UUID, *, reason: str, but: UUID | None = None) -> list[UUID]:
    """End the account's sessions, all but one perhaps, in the caller's transaction; their ids."""
    wanted = [Session.account_id == account_id]
    if but is not None:
        wanted.append(Session.id != but)
    return _end(*wanted, now=utcnow(), reason=reason)


def _end(*wanted: Any, now: datetime, reason: str) -> list[UUID]:
    ended = store.end(*wanted, now=now, reason=reason)
    revocations.revoke_sessions(ended, now)
    return ended

"""The use cases on sessions: begin, refresh, list, end.

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
    RefreshTokenExpired,
    RefreshTokenInvalid,
    RefreshTokenReused,
    SessionNotFound,
    SessionRevoked,
)
from services.auth.mail import outgoing
from services.auth.models import Account, Session, db
from services.auth.sessions import revocations
from services.auth.sessions.access_tokens import TokenPair, pair_of
from services.auth.sessions.refresh_tokens import NotARefreshToken, RefreshToken, Verdict, judge
from services.auth.store import accounts
from services.auth.store import sessions as store
from services.auth.store.sessions import Standing
from shared.chassis.clock import utcnow
from shared.chassis.database import single_statements, transaction
from shared.chassis.ids import new_id
from shared.chassis.logs import get_logger

log = get_logger(__name__)


def begin(
    account: Account, client: Client, *, methods: list[str], device_id: UUID | None, now: datetime
) -> TokenPair:
    """Make a session of ``account`` in the caller's transaction; its first pair."""
    session = store.add(
        id=new_id(),
        account_id=account.id,
        counter=1,
        rotations=[],
        methods=methods,
        authenticated_at=now,
        created_at=now,
        last_used_at=now,
        expires_at=now + deps().lifetimes.absolute,
        ip=client.ip,
        user_agent=client.user_agent,
        device_id=device_id,
    )
    return pair_of(_standing_of(account, session), now)


def _standing_of(account: Account, session: Session) -> Standing:
    return Standing(
        session_id=session.id,
        account_id=account.id,
        counter=session.counter,
        rotations=session.rotations,
        methods=session.methods,
        authenticated_at=session.authenticated_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        ended_at=session.ended_at,
        roles=account.roles,
        version=account.version,
        is_verified=account.verified_at is not None,
        is_active=account.is_active,
    )


def read_token(text: str) -> RefreshToken:
    """What a refresh token says; raises RefreshTokenInvalid where it is not ours."""
    try:
        return deps().refresh_tokens.read(text)
    except NotARefreshToken as error:
        raise RefreshTokenInvalid from error


def refresh(text: str, client: Client) -> TokenPair:
    """Exchange a refresh token for the current pair; raises the errors of a token that is not worth one."""
    token = read_token(text)
    now = utcnow()
    with single_statements(db):
        rotated = store.rotate(
            token.session_id,
            token.counter,
            now=now,
            idle_since=now - deps().lifetimes.idle,
            ip=client.ip,
            user_agent=client.user_agent,
        )
        standing = rotated or store.find_standing(token.session_id)
    if rotated is not None:
        return pair_of(rotated, now)
    if standing is None:
        raise SessionRevoked
    return _refresh_superseded(token, standing, client, now)


def _refresh_superseded(token: RefreshToken, standing: Standing, client: Client, now: datetime) -> TokenPair:
    match judge(token.counter, standing, now=now, lifetimes=deps().lifetimes):
        case Verdict.CONVERGE:
            return pair_of(standing, now)
        case Verdict.EXPIRED:
            raise RefreshTokenExpired
        case Verdict.REUSED:
            _punish_reuse(standing, client, now)
            raise RefreshTokenReused
    raise SessionRevoked


def _punish_reuse(standing: Standing, client: Client, now: datetime) -> None:
    """Somebody holds a copy of a token: whoever it is, the session ends, and the owner hears of it."""
    with transaction(db):
        if not _end(Session.id == standing.session_id, now=now, reason="refresh_token_reused"):
            return
        account = accounts.find(standing.account_id)
        if account is not None:
            outgoing.send_warning("refresh_token_reused", account, client, now)
        session_id = str(standing.session_id)
        audit.record("refresh_token_reused", account_id=standing.account_id, session_id=session_id)
    log.warning("refresh_token_reused", account_id=standing.account_id, session_id=session_id)


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


def sign_out_by_refresh_token(text: str) -> None:
    """End the session of a refresh token, superseded or not; harmless where it has ended.

    Raises RefreshTokenInvalid.
    """
    standing = _find_standing(read_token(text))
    if standing is not None:
        sign_out(standing.account_id, standing.session_id)


def _find_standing(token: RefreshToken) -> Standing | None:
    with transaction(db):
        return store.find_standing(token.session_id)


def sign_out_everywhere(account_id: UUID, *, actor_id: UUID | None = None) -> None:
    """End every session of the account."""
    with transaction(db):
        ended = end_all(account_id, reason="signed_out_everywhere")
        audit.record("signed_out_everywhere", account_id=account_id, actor_id=actor_id, sessions=len(ended))


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

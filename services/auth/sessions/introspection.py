"""Token introspection (RFC 7662) and revocation (RFC 7009): for services, and for whoever holds a token."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth import audit
from services.auth.api_keys import keys
from services.auth.api_keys.scopes import effective
from services.auth.clients import current_client
from services.auth.deps import deps
from services.auth.errors import ApiKeyNotFound
from services.auth.models import Session, db
from services.auth.sessions import revocations
from services.auth.sessions.refresh_tokens import NotARefreshToken, RefreshToken, Verdict, judge
from services.auth.store import api_keys as api_key_store
from services.auth.store import sessions as session_store
from shared.chassis import access_tokens
from shared.chassis.clock import utcnow
from shared.chassis.database import single_statements, transaction
from shared.contracts import tokens

INACTIVE: dict[str, Any] = {"active": False}
_TOLD = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "roles", "scope", "amr", "auth_time", "org")


def introspect(token: str) -> dict[str, Any]:
    """The introspection of a token, with its session looked up; not active for an invalid token."""
    if token.startswith(f"{keys.PREFIX}_"):
        return _introspect_api_key(token)
    refresh_token = _read_refresh_token(token)
    if refresh_token is not None:
        return _introspect_refresh_token(refresh_token)
    return _introspect_access_token(token)


def _introspect_api_key(key: str) -> dict[str, Any]:
    with single_statements(db):
        holder = keys.find_living(key, utcnow())
    if holder is None:
        return INACTIVE
    scope = " ".join(effective(holder.scopes, holder.roles))
    told = {"sub": str(holder.account_id), "scope": scope, "token_type": "api_key"}
    expiry = {"exp": int(holder.expires_at.timestamp())} if holder.expires_at else {}
    return {"active": True, **told, **expiry}


def _introspect_refresh_token(token: RefreshToken) -> dict[str, Any]:
    with single_statements(db):
        standing = session_store.find_standing(token.session_id)
    if standing is None:
        return INACTIVE
    verdict = judge(token.counter, standing, now=utcnow(), lifetimes=deps().lifetimes)
    if verdict not in {Verdict.ROTATE, Verdict.CONVERGE, Verdict.UNRECEIVED}:
        return INACTIVE
    return {
        "active": True,
        "sub": str(standing.account_id),
        "sid": str(standing.session_id),
        "exp": int(min(standing.expires_at, standing.last_used_at + deps().lifetimes.idle).timestamp()),
        "token_type": "refresh_token",
    }


def _introspect_access_token(token: str) -> dict[str, Any]:
    claims = _read_access_token(token)
    if claims is None or not _is_living(claims):
        return INACTIVE
    told = {name: claims[name] for name in _TOLD if name in claims}
    return {"active": True, **told, "token_type": "Bearer"}


def _is_living(claims: dict[str, Any]) -> bool:
    """Whether the session or key behind the token lives, and the account's roles are still those in it."""
    behind = UUID(claims[tokens.SESSION])
    if tokens.SCOPE in claims:
        with single_statements(db):
            return api_key_store.find_version(behind, utcnow()) == int(claims[tokens.VERSION])
    return session_store.look_at_version(behind) == int(claims[tokens.VERSION])


def revoke(token: str) -> None:
    """End what the token stands for; anything else is passed over, as RFC 7009 section 2.2 wants."""
    now = utcnow()
    with transaction(db):
        if token.startswith(f"{keys.PREFIX}_"):
            found = keys.find(token)
            if found is not None:
                _delete_api_key(found.id, found.account_id)
            return
        refresh_token = _read_refresh_token(token)
        if refresh_token is not None:
            _end_session(refresh_token.session_id, now)
            return
        claims = _read_access_token(token)
        if claims is not None:
            _end_behind(claims, now)


def _end_behind(claims: dict[str, Any], now: datetime) -> None:
    behind = UUID(claims[tokens.SESSION])
    if tokens.SCOPE in claims:
        _delete_api_key(behind, UUID(claims[tokens.SUBJECT]))
    else:
        _end_session(behind, now)


def _end_session(session_id: UUID, now: datetime) -> None:
    standing = session_store.find_standing(session_id)
    ended = session_store.end(Session.id == session_id, now=now, reason="revoked")
    revocations.revoke_sessions(ended, now)
    if standing is not None and ended:
        audit.record(
            "session_ended", account_id=standing.account_id, session_id=str(session_id), reason="revoked"
        )


def _delete_api_key(key_id: UUID, account_id: UUID) -> None:
    with suppress(ApiKeyNotFound):
        keys.delete(account_id, key_id, current_client())


def _read_refresh_token(token: str) -> RefreshToken | None:
    try:
        return deps().refresh_tokens.read(token)
    except NotARefreshToken:
        return None


def _read_access_token(token: str) -> dict[str, Any] | None:
    try:
        return access_tokens.verify(token)
    except access_tokens.TokenInvalid:
        return None

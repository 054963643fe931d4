"""Access tokens and token pairs: flask-jwt-extended makes the JWT (RFC 9068), we the refresh token."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import g
from flask_jwt_extended import create_access_token

from services.auth.deps import deps
from services.auth.sessions.refresh_tokens import RefreshToken
from services.auth.store.sessions import Standing
from shared.contracts import tokens

_JITTER_STEPS = 1000


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds of its session."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    refresh_expires_in: int
    device_token: str | None = None  # given once to a device that signs in for the first time


def pair_of(standing: Standing, now: datetime) -> TokenPair:
    """The current pair of a session. The refresh token is the same for everybody who asks now."""
    lifetime = _lifetime()
    idle_end = standing.last_used_at + deps().lifetimes.idle
    refresh_lifetime = min(standing.expires_at, idle_end) - now
    return TokenPair(
        access_token=_access_token(standing, lifetime),
        refresh_token=deps().refresh_tokens.write(RefreshToken(standing.session_id, standing.counter)),
        token_type="Bearer",  # noqa: S106
        expires_in=int(lifetime.total_seconds()),
        refresh_expires_in=int(refresh_lifetime.total_seconds()),
    )


def issue_for_api_key(
    *,
    account_id: UUID,
    key_id: UUID,
    roles: list[str],
    scopes: list[str],
    version: int,
    is_verified: bool,
    expires_at: datetime | None,
    now: datetime,
) -> tuple[str, int]:
    """An access token for a program that came with an API key, and its seconds; never outlives the key."""
    lifetime = _lifetime()
    if expires_at is not None:
        lifetime = min(lifetime, expires_at - now)
    claims = {
        tokens.SESSION: str(key_id),
        tokens.VERSION: version,
        tokens.ROLES: roles,
        tokens.SCOPE: " ".join(scopes),
        tokens.METHODS: ["api_key"],
        "email_verified": is_verified,
    }
    return _sign(account_id, claims, lifetime), int(lifetime.total_seconds())


def _lifetime() -> timedelta:
    """A little less than the setting, so that a crowd that signed in at once does not refresh at once."""
    settings = deps().settings
    share = settings.access_token_jitter_percent / 100 * secrets.randbelow(_JITTER_STEPS) / _JITTER_STEPS
    return timedelta(seconds=round(settings.access_token_seconds * (1 - share)))


def _access_token(standing: Standing, lifetime: timedelta) -> str:
    claims: dict[str, Any] = {
        tokens.SESSION: str(standing.session_id),
        tokens.VERSION: standing.version,
        tokens.PAIR: standing.counter,
        tokens.ROLES: standing.roles,
        tokens.METHODS: standing.methods,
        tokens.AUTHENTICATED_AT: int(standing.authenticated_at.timestamp()),
        "email_verified": standing.is_verified,
    }
    if standing.organization_role is not None:
        claims[tokens.ORGANIZATION] = {
            "id": str(standing.organization_id),
            "role": standing.organization_role,
        }
    return _sign(standing.account_id, claims, lifetime)


def _sign(account_id: UUID, claims: dict[str, Any], lifetime: timedelta) -> str:
    signer = g.token_signer = deps().signing_keys.signer()
    token: str = create_access_token(
        identity=str(account_id),
        expires_delta=lifetime,
        additional_claims=claims,
        additional_headers={"alg": signer.algorithm, "kid": signer.kid, "typ": tokens.ACCESS_TYPE},
    )
    return token


def signing_key(_identity: str) -> Any:
    """flask-jwt-extended's encode key loader: the key of the same signer that the header names."""
    return g.token_signer.key

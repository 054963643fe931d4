"""Access tokens at the edge: verified once, remembered until they expire, refused once revoked.

flask-jwt-extended verifies (signature by ``kid``, algorithm, issuer, audience, type, time), as in every
service; the edge only spares itself doing it again for the same token.
"""

import re
from time import time
from typing import Any, NamedTuple

import jwt
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException

from gateway.policies import Access
from gateway.revocations import Revocations
from shared.chassis.access import (
    Caller,
    RoleRequired,
    ScopeRequired,
    TokenExpired,
    TokenInvalid,
    TokenMissing,
    TokenRevoked,
    caller_from,
)
from shared.chassis.errors import ApiError
from shared.contracts import tokens

LONGEST_TOKEN = 4096
MOST_REMEMBERED = 20_000
# RFC 6750 section 2.1; the scheme is case-insensitive (RFC 9110 section 11.1).
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/=-]+)")
_INVALID = {"WWW-Authenticate": 'Bearer realm="doorward", error="invalid_token"'}


class _Verified(NamedTuple):
    caller: Caller
    session: str
    account: str
    issued_at: int
    expires_at: int


class Tokens:
    """What one worker knows of the tokens that it has seen."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations
        self._verified: dict[bytes, _Verified] = {}

    def caller(self, authorization: bytes | None) -> Caller:
        """Whoever the access token speaks for; raises the error that says what is wrong with it."""
        if authorization is None:
            raise TokenMissing
        known = self._verified.get(authorization)
        if known is None:
            known = self._remember(authorization, _verify(authorization))
        if known.expires_at <= time():
            self._verified.pop(authorization, None)
            raise TokenExpired(headers=_INVALID)
        if self._revocations.covers(known.session, known.account, known.issued_at):
            raise TokenRevoked(headers=_INVALID)
        return known.caller

    def find_caller(self, authorization: bytes | None) -> Caller | None:
        """The caller of a public route, if a token of ours came; raises TokenRevoked for a dead one."""
        try:
            return self.caller(authorization)
        except TokenRevoked:
            raise
        except ApiError:
            return None  # it may be a refresh token or something else that the service knows

    def _remember(self, authorization: bytes, verified: _Verified) -> _Verified:
        if len(self._verified) >= MOST_REMEMBERED:
            self._forget()
        self._verified[authorization] = verified
        return verified

    def _forget(self) -> None:
        """Make room: first the expired, and if those are few, the older half."""
        now = time()
        living = {key: known for key, known in self._verified.items() if known.expires_at > now}
        if len(living) > MOST_REMEMBERED // 2:
            living = dict(list(living.items())[MOST_REMEMBERED // 2 :])
        self._verified = living


def check_access(access: Access, caller: Caller) -> None:
    """Raise RoleRequired or ScopeRequired unless ``caller`` may use the route (RFC 6750 section 3.1)."""
    if access.roles and not access.roles & caller.roles:
        raise RoleRequired(
            headers={"WWW-Authenticate": 'Bearer realm="doorward", error="insufficient_scope"'}
        )
    if access.scopes and not _has_scopes(access, caller):
        scope = " ".join(sorted(access.scopes))
        challenge = f'Bearer realm="doorward", error="insufficient_scope", scope="{scope}"'
        raise ScopeRequired(headers={"WWW-Authenticate": challenge})


def _has_scopes(access: Access, caller: Caller) -> bool:
    return caller.is_admin if caller.scopes is None else access.scopes <= caller.scopes


def _verify(authorization: bytes) -> _Verified:
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise TokenInvalid(headers=_INVALID)
    token = match[1]
    if len(token) > LONGEST_TOKEN or token.count(b".") != 2:
        raise TokenInvalid(headers=_INVALID)
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
        claims: dict[str, Any] = decode_token(token.decode())
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired(headers=_INVALID) from error
    except (jwt.PyJWTError, JWTExtendedException, ValueError, TypeError, KeyError) as error:
        raise TokenInvalid(headers=_INVALID) from error
    except TokenInvalid as error:
        raise TokenInvalid(headers=_INVALID) from error
    if header.get("typ") != tokens.ACCESS_TYPE or "crit" in header or claims.get("type") != "access":
        raise TokenInvalid(headers=_INVALID)
    caller = caller_from(claims)
    return _Verified(
        caller,
        session=str(claims.get(tokens.SESSION)),
        account=str(caller.account_id),
        issued_at=int(claims.get("iat", 0)),
        expires_at=int(claims["exp"]),
    )

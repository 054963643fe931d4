"""Access tokens at the edge: verified once, remembered until they expire, refused once revoked.

They are verified as in every service (``access_tokens``); the edge only spares itself doing it again for the
same token.
"""

from time import time
from typing import NamedTuple

from gateway.keys import Keys
from gateway.policies import Access
from gateway.receipts import Receipts
from gateway.revocations import Revocations
from shared.chassis import access_tokens, token_form
from shared.chassis.access import Caller, RoleRequired, ScopeRequired, caller_from
from shared.chassis.access_tokens import TokenExpired, TokenInvalid, TokenMissing, TokenRevoked
from shared.chassis.errors import ApiError
from shared.contracts import tokens

MOST_REMEMBERED = 20_000


class _Verified(NamedTuple):
    caller: Caller
    session: str
    account: str
    issued_at: int
    expires_at: int
    version: int = 0
    pair: int = 0


class Tokens:
    """What one worker knows of the tokens that it has seen."""

    def __init__(self, revocations: Revocations, keys: Keys, receipts: Receipts) -> None:
        self._revocations = revocations
        self._receipts = receipts
        self._verified: dict[bytes, _Verified] = {}
        keys.on_withdrawal = self._verified.clear

    def caller(self, authorization: bytes | None) -> Caller:
        """Whoever the access token speaks for; raises the error that says what is wrong with it."""
        if authorization is None:
            raise TokenMissing
        known = self._verified.get(authorization)
        if known is None:
            known = self._remember(authorization, _verify(authorization))
        if known.expires_at <= time():
            self._verified.pop(authorization, None)
            raise TokenExpired
        if self._revocations.covers(known.session, known.account, known.issued_at, known.version):
            raise TokenRevoked
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
        if verified.pair:
            self._receipts.note(verified.session, verified.pair)
        return verified

    def _forget(self) -> None:
        """Make room: first the expired, and if those are few, the older half."""
        now = time()
        living = {key: known for key, known in self._verified.items() if known.expires_at > now}
        if len(living) > MOST_REMEMBERED // 2:
            living = dict(list(living.items())[MOST_REMEMBERED // 2 :])
        self._verified.clear()
        self._verified.update(living)


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
    try:
        token = token_form.bearer_token(authorization.decode("latin-1"))
    except token_form.NotOurForm as error:
        raise TokenInvalid from error
    claims = access_tokens.verify(token)
    caller = caller_from(claims)
    return _Verified(
        caller,
        session=str(claims[tokens.SESSION]),
        account=str(caller.account_id),
        issued_at=int(claims["iat"]),
        expires_at=int(claims["exp"]),
        version=int(claims.get(tokens.VERSION, 0)),
        pair=int(claims.get(tokens.PAIR, 0)),
    )

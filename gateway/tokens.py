"""Access tokens at the edge: verified once, remembered until they expire, refused once revoked.

They are verified as in every service (``access_tokens``); the edge only spares itself doing it again for the
same token.
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import time
from typing import Any, NamedTuple

from gateway.receipts import Receipts
from gateway.revocations import Revocations
from gateway.token_keys import TokenKeys
from shared.chassis import access_tokens, token_form
from shared.chassis.access import Caller, caller_from
from shared.chassis.access_tokens import TokenExpired, TokenInvalid, TokenMissing, TokenRevoked
from shared.contracts import tokens

MOST_REMEMBERED = 10_000


class Identity(NamedTuple):
    """What a verified token says, under the digest of the token: who keeps it can show nobody the token."""

    name: bytes
    caller: Caller
    session: str
    account: str
    issued_at: int
    expires_at: int
    version: int = 0
    pair: int = 0


class Tokens:
    """What one worker knows of the tokens that it has seen."""

    def __init__(
        self,
        revocations: Revocations,
        keys: TokenKeys,
        receipts: Receipts,
        context: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        """``context`` is Flask's of the app: flask-jwt-extended reads there what a token must be."""
        self._context = context
        self._revocations = revocations
        self._receipts = receipts
        self._verified: dict[bytes, Identity] = {}
        keys.on_withdrawal = self._verified.clear

    def identify(self, authorization: bytes | None) -> Identity:
        """Whoever the access token speaks for; raises the error that says what is wrong with it.

        Nothing is remembered yet: that is for ``remember``, once the limits have admitted the request.
        """
        if authorization is None:
            raise TokenMissing
        name = _name_of(authorization)
        identity = self._verified.get(name) or self._verify(name, authorization)
        if identity.expires_at <= time():
            self._verified.pop(name, None)
            raise TokenExpired
        if self._is_revoked(identity):
            raise TokenRevoked
        return identity

    def recall(self, authorization: bytes | None) -> Identity | None:
        """As ``identify`` for a token that is remembered and good; None for any other."""
        if authorization is None:
            return None
        identity = self._verified.get(_name_of(authorization))
        if identity is None or identity.expires_at <= time() or self._is_revoked(identity):
            return None
        return identity

    def _is_revoked(self, identity: Identity) -> bool:
        return self._revocations.covers(
            identity.session, identity.account, identity.issued_at, identity.version
        )

    def _verify(self, name: bytes, authorization: bytes) -> Identity:
        with self._context():
            return _verify(name, authorization)

    def caller(self, authorization: bytes | None) -> Caller:
        """The caller whom the access token speaks for, remembered; raises as ``identify`` does."""
        identity = self.identify(authorization)
        self.remember(identity)
        return identity.caller

    def remember(self, identity: Identity) -> None:
        """Spare the next request with this token its verification."""
        if identity.name in self._verified:
            return
        if len(self._verified) >= MOST_REMEMBERED:
            self._forget()
        self._verified[identity.name] = identity
        if identity.pair:
            self._receipts.note(identity.session, identity.pair)

    def _forget(self) -> None:
        """Make room: first the expired, and if those are few, the older half."""
        now = time()
        living = {key: known for key, known in self._verified.items() if known.expires_at > now}
        if len(living) > MOST_REMEMBERED // 2:
            living = dict(list(living.items())[MOST_REMEMBERED // 2 :])
        self._verified.clear()
        self._verified.update(living)


def _name_of(authorization: bytes) -> bytes:
    return hashlib.blake2b(authorization, digest_size=32).digest()  # in half the time of SHA-256


def _verify(name: bytes, authorization: bytes) -> Identity:
    text = authorization.decode("latin-1")
    try:
        token = token_form.bearer_token(text)
    except token_form.NotOurForm as error:
        raise TokenInvalid(token_form.advice(text)) from error
    claims = access_tokens.verify(token)
    caller = caller_from(claims)
    return Identity(
        name,
        caller,
        session=str(claims[tokens.SESSION]),
        account=str(caller.account_id),
        issued_at=int(claims["iat"]),
        expires_at=int(claims["exp"]),
        version=int(claims.get(tokens.VERSION, 0)),
        pair=int(claims.get(tokens.PAIR, 0)),
    )

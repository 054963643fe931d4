"""Who is signed in at the console: a record on the server, of which the browser only has a random name.

The record holds the operator's tokens, sealed. Every request looks at the access token again, so that an
account that loses its role, or a session that is ended elsewhere, is out of the console as well.
"""

import secrets
from datetime import timedelta

import orjson
from flask_login import UserMixin
from redis import Redis

from gateway.console.auth_client import Auth, SignInRefused, TokenPair
from gateway.tokens import Tokens
from shared.chassis.access import Caller
from shared.chassis.access_tokens import TokenExpired
from shared.chassis.errors import ApiError
from shared.chassis.sealing import SealBroken, Sealer

KEY_PREFIX = "doorward:console:operator:"
LIFETIME = timedelta(hours=12)
REMEMBERED_LIFETIME = timedelta(days=30)
ADMIN = "admin"


class NotAnOperator(Exception):
    """The account exists and is not an administrator's."""


class Operator(UserMixin):
    """A signed-in administrator."""

    def __init__(self, handle: str, caller: Caller, access_token: str) -> None:
        self.id = handle
        self.caller = caller
        self.access_token = access_token


class Operators:
    """The records of who is signed in, in Redis."""

    def __init__(self, redis: Redis, sealer: Sealer, auth: Auth, tokens: Tokens) -> None:
        self._redis = redis
        self._sealer = sealer
        self._auth = auth
        self._tokens = tokens

    def admit(self, pair: TokenPair, *, is_remembered: bool) -> Operator:
        """A new record; raises NotAnOperator for accounts without the role."""
        caller = self._tokens.caller(f"Bearer {pair.access_token}".encode())
        if ADMIN not in caller.roles:
            self._auth.sign_out(pair.access_token)
            raise NotAnOperator
        handle = secrets.token_urlsafe(32)
        lifetime = REMEMBERED_LIFETIME if is_remembered else LIFETIME
        self._redis.set(KEY_PREFIX + handle, self._sealed(pair), ex=lifetime)
        return Operator(handle, caller, pair.access_token)

    def find(self, handle: str) -> Operator | None:
        """The operator that ``handle`` names, if the account's session still lives."""
        sealed = self._redis.get(KEY_PREFIX + handle)
        if not isinstance(sealed, bytes):
            return None
        try:
            pair = TokenPair(*orjson.loads(self._sealer.open(sealed.decode())))
            caller, pair = self._living(handle, pair)
        except (ApiError, SignInRefused, SealBroken):
            return None
        return Operator(handle, caller, pair.access_token) if ADMIN in caller.roles else None

    def end(self, operator: Operator) -> None:
        """Forget the record, and end the session at auth."""
        self._redis.delete(KEY_PREFIX + operator.id)
        self._auth.sign_out(operator.access_token)

    def _living(self, handle: str, pair: TokenPair) -> tuple[Caller, TokenPair]:
        try:
            return self._tokens.caller(f"Bearer {pair.access_token}".encode()), pair
        except TokenExpired:
            renewed = self._auth.refresh(pair.refresh_token)
            self._redis.set(KEY_PREFIX + handle, self._sealed(renewed), keepttl=True)
            return self._tokens.caller(f"Bearer {renewed.access_token}".encode()), renewed

    def _sealed(self, pair: TokenPair) -> str:
        return self._sealer.seal(orjson.dumps([pair.access_token, pair.refresh_token]))

"""The caller: who sends a request, by an access token or by an API key that auth makes one of."""

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from gateway.api_keys import ApiKeyInvalid, key_in
from gateway.policies.access import AccessRule
from gateway.policies.limits import Limit
from gateway.policies.policy import Policy
from gateway.token_keys import KeyUnknown
from gateway.tokens import Identity
from shared.chassis.access_tokens import TokenRevoked
from shared.chassis.errors import ApiError, Unauthorized

if TYPE_CHECKING:
    from gateway.exchange import Exchange


class CallerPolicy(Policy):
    """Finds out who calls; what speaks against it is only said once the request has been counted."""

    name = "caller"

    def __init__(self, rule: AccessRule, guesses: Sequence[Limit]) -> None:
        self._is_public = rule.is_public
        self._guesses = guesses  # what asking auth for a key is counted against

    def describe(self) -> str:
        """Nothing: the same for every route."""
        return ""

    def check(self, exchange: "Exchange") -> Awaitable[None] | None:
        """Note the caller in the exchange, or what speaks against the token or key; may wait for auth."""
        if exchange.refusal is not None:
            return None
        if exchange.api_key is None:
            identity = exchange.resources.tokens.recall(exchange.authorization)
            if identity is not None:
                exchange.identity, exchange.caller = identity, identity.caller
                return None
        return self._look_closely(exchange)

    async def _look_closely(self, exchange: "Exchange") -> None:
        try:
            await self._identify(exchange)
        except KeyUnknown as unknown:
            exchange.refusal = await self._identify_again(exchange, unknown)
        except ApiError as refusal:
            exchange.refusal = refusal

    async def _identify_again(self, exchange: "Exchange", unknown: KeyUnknown) -> ApiError | None:
        """Once more, when auth has shown the key that was missing."""
        try:
            await exchange.resources.keys.learn(unknown)
            await self._identify(exchange)
        except ApiError as refusal:
            return refusal
        return None

    async def _identify(self, exchange: "Exchange") -> None:
        if self._is_public:
            await self._identify_if_possible(exchange)
        else:
            await self._note_identity(exchange)

    async def _identify_if_possible(self, exchange: "Exchange") -> None:
        """Who calls a public route: it takes whatever comes along, but nothing dead reaches the service."""
        try:
            await self._note_identity(exchange)
        except ApiKeyInvalid:
            if exchange.api_key is None:
                _leave_authorization_out(exchange)
                return
            exchange.api_key = None
            await self._identify_if_possible(exchange)
        except TokenRevoked:
            _leave_authorization_out(exchange)
        except Unauthorized:
            pass  # it may be a refresh token or something else that the service knows

    async def _note_identity(self, exchange: "Exchange") -> None:
        """Raises what speaks against the token or key."""
        key = key_in(exchange.authorization, exchange.api_key)
        if key is None:
            identity = exchange.resources.tokens.identify(exchange.authorization)
        else:
            identity = await self._exchange_key(exchange, key)
            exchange.api_key_id = identity.session
        exchange.identity, exchange.caller = identity, identity.caller

    async def _exchange_key(self, exchange: "Exchange", key: bytes) -> Identity:
        try:
            return _identified(exchange, await self._token_for(exchange, key))
        except TokenRevoked:
            # Its account's roles may have changed: auth gives another, or says that the key is dead.
            exchange.resources.api_keys.forget(key, exchange.issued)
            return _identified(exchange, await self._token_for(exchange, key))

    async def _token_for(self, exchange: "Exchange", key: bytes) -> bytes:
        async def limit() -> None:
            counted, exchange.verdicts = exchange.verdicts, []
            try:
                await exchange.resources.limiter.admit(exchange, self._guesses)
            finally:
                exchange.verdicts = counted

        return await exchange.resources.api_keys.authorization(key, limit)


def _identified(exchange: "Exchange", authorization: bytes) -> Identity:
    exchange.issued = exchange.authorization = authorization
    return exchange.resources.tokens.identify(authorization)


def _leave_authorization_out(exchange: "Exchange") -> None:
    """A dead token or key is nothing that a service should see: it may not know that it is dead."""
    exchange.authorization = exchange.issued = None
    exchange.scope["headers"] = [pair for pair in exchange.scope["headers"] if pair[0] != b"authorization"]

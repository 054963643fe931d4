"""What happens to a request of the route table, in order: CORS, token, limits, access, forwarding."""

from flask import Response

from gateway import proxy
from gateway.asgi import RawHeaders, StreamedResponse
from gateway.cors import CorsPolicy, preflight_of
from gateway.exchange import Exchange
from gateway.limits.limiter import Limiter
from gateway.policies import Limit
from gateway.routing import Match, Table
from gateway.tokens import Tokens, check_access
from gateway.upstream.replicas import Service
from shared.chassis.errors import ApiError

UNMATCHED = "unmatched"


class Pipeline:
    """The policies at work on one worker."""

    def __init__(
        self, table: Table, services: dict[str, Service], *, limiter: Limiter, tokens: Tokens
    ) -> None:
        self.services = services
        self.limiter = limiter
        self.tokens = tokens
        self.table = table
        self._cors = {name: CorsPolicy(policy) for name, policy in table.cors.items()}
        self._unmatched: tuple[Limit, ...] = tuple(
            limit for name, limit in table.limits.items() if name == UNMATCHED
        )

    async def answer(self, exchange: Exchange) -> Response:
        """The answer to ``exchange``; raises the ApiError that refuses it."""
        match = exchange.match
        if match is None:
            await self.limiter.admit(exchange, self._unmatched)
            raise exchange.refusal or ApiError
        if match.cors is not None and (requested := preflight_of(exchange)) is not None:
            # Never counted and never asked for a token: the browser sends neither credentials nor choice.
            return self._cors[match.cors.name].preflight(exchange, requested)
        refusal = self._identify(exchange, match)
        await self.limiter.admit(exchange, match.limits)
        if refusal is not None:
            raise refusal
        return await proxy.forward(exchange, self.services[match.route.upstream])

    def _identify(self, exchange: Exchange, match: Match) -> ApiError | None:
        """Note who calls; what speaks against it is only said once the request has been counted."""
        access = match.route.access
        try:
            if access.is_public:
                exchange.caller = self.tokens.find_caller(exchange.authorization)
            else:
                exchange.caller = self.tokens.caller(exchange.authorization)
                check_access(access, exchange.caller)
        except ApiError as refusal:
            return refusal
        return None

    def finish(self, exchange: Exchange, response: Response) -> None:
        """Add to ``response`` what the policies say about it."""
        fields: RawHeaders = [(b"x-request-id", exchange.trace.request_id.encode())]
        match = exchange.match
        name = self.table.default_cors if match is None else match.route.cors
        if name is not None:
            fields += self._cors[name].fields(exchange.origin)
        fields += exchange.limit_fields
        if isinstance(response, StreamedResponse):
            response.add_fields(fields)
            return
        for key, value in fields:
            if key != b"vary" or "origin" not in response.headers.get("Vary", "").lower():
                response.headers.add(key.decode(), value.decode("latin-1"))

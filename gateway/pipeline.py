"""What happens to a request of the route table, in order: CORS, cookies, token, limits, access, forward."""

from time import monotonic

from gateway import fan_out, measures, own_options, proxy
from gateway.access_log import AccessLog
from gateway.api_keys import ApiKeyInvalid, ApiKeys, key_in
from gateway.browser_sessions import BrowserSessions, cache_fields
from gateway.cors import CorsPolicy, preflight_of
from gateway.exchange import Exchange
from gateway.keys import Keys, KeyUnknown
from gateway.limits.limiter import Limiter
from gateway.limits.limiter import fields as limit_fields
from gateway.messages import Answer, RawHeaders, StreamedResponse
from gateway.open_streams import OpenStreams
from gateway.policies import Limit
from gateway.request_body import is_expected
from gateway.routing import Match, Table
from gateway.tokens import Identity, Tokens, check_access
from gateway.upstream.replicas import Service
from shared.chassis.access_tokens import TokenRevoked
from shared.chassis.errors import ApiError, Unauthorized

UNMATCHED = "unmatched"
CLIENT_GONE = 499  # nginx's number for it; never on the wire


class Pipeline:
    """The policies at work on one worker."""

    def __init__(
        self,
        table: Table,
        services: dict[str, Service],
        *,
        limiter: Limiter,
        tokens: Tokens,
        keys: Keys,
        api_keys: ApiKeys,
        open_streams: OpenStreams,
        access_log: AccessLog,
    ) -> None:
        self.services = services
        self.limiter = limiter
        self.tokens = tokens
        self._keys = keys
        self.api_keys = api_keys
        self.table = table
        self._access_log = access_log
        self._open_streams = open_streams
        self._cors = {name: CorsPolicy(policy) for name, policy in table.cors.items()}
        self._browser_sessions = BrowserSessions(self._cors)
        self._unmatched: tuple[Limit, ...] = tuple(
            limit for name, limit in table.limits.items() if name == UNMATCHED
        )

    async def answer(self, exchange: Exchange) -> Answer:
        """The answer to ``exchange``; raises the ApiError that refuses it."""
        match = exchange.match
        if match is None:
            await self.limiter.admit(exchange, self._unmatched)
            raise exchange.refusal or ApiError
        if match.cors is not None and (requested := preflight_of(exchange)) is not None:
            # Never counted and never asked for a token: the browser sends neither credentials nor choice.
            exchange.is_preflight = True
            return self._cors[match.cors.name].preflight(exchange, requested)
        await self._admit(exchange, match)
        return await self._own_answer(exchange, match) or await self._forward(exchange, match)

    async def _admit(self, exchange: Exchange, match: Match) -> None:
        """Raise what speaks against the request: a limit, its cookies, its token, its caller's rights."""
        refusal = self._adopt_cookies(exchange)
        # First what costs nothing: an address that has had its share is not worth the look at a signature.
        await self.limiter.admit(exchange, match.limits_of_place)
        refusal = refusal or await self._identify(exchange, match)
        await self.limiter.admit(exchange, match.limits_of_caller)
        if exchange.identity is not None:
            self.tokens.remember(exchange.identity)
        if refusal is not None:
            raise refusal

    async def _own_answer(self, exchange: Exchange, match: Match) -> Answer | None:
        """What a policy of a team's own, or the gateway itself, answers instead of a service."""
        for policy in match.policies:
            if (answer := await policy.check(exchange)) is not None:
                return answer
        if exchange.scope["method"] == "OPTIONS":
            return own_options.answer_to(exchange, match)
        return None

    async def _forward(self, exchange: Exchange, match: Match) -> Answer:
        if match.route.parts:
            return await fan_out.gather(exchange, self.services)
        response = await proxy.forward(exchange, self.services[match.route.upstream])
        # What changes something is answered to its end: it may be the revocation itself.
        if response.source is not None and exchange.caller is not None and exchange.scope["method"] == "GET":
            self._open_streams.watch(response, exchange.caller)
        return response

    def _adopt_cookies(self, exchange: Exchange) -> ApiError | None:
        """Let a browser's cookies speak for the request; what speaks against it."""
        if exchange.has_cookies or exchange.delivery is not None:
            try:
                self._browser_sessions.adopt(exchange)
            except ApiError as refusal:
                return refusal
        return None

    async def _identify(self, exchange: Exchange, match: Match) -> ApiError | None:
        """Note who calls; what speaks against it is only said once the request has been counted."""
        access = match.route.access
        try:
            if access.is_public:
                await self._identify_if_possible(exchange)
            else:
                check_access(access, (await self._identity_of(exchange)).caller)
        except KeyUnknown as unknown:
            return await self._identify_again(exchange, match, unknown)
        except ApiError as refusal:
            return refusal
        return None

    async def _identify_if_possible(self, exchange: Exchange) -> None:
        """Who calls a public route: it takes whatever comes along, but nothing dead reaches the service."""
        try:
            await self._identity_of(exchange)
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

    async def _identity_of(self, exchange: Exchange) -> Identity:
        """Who calls, noted in the exchange; raises what speaks against the token or key."""
        key = key_in(exchange.authorization, exchange.api_key)
        if key is None:
            identity = self.tokens.identify(exchange.authorization)
        else:
            identity = await self._exchange_key(exchange, key)
            exchange.api_key_id = identity.session
        exchange.identity, exchange.caller = identity, identity.caller
        return identity

    async def _identify_again(self, exchange: Exchange, match: Match, unknown: KeyUnknown) -> ApiError | None:
        """Once more, when auth has shown the key that was missing."""
        try:
            await self._keys.learn(unknown)
        except ApiError as refusal:
            return refusal
        return await self._identify(exchange, match)

    async def _exchange_key(self, exchange: Exchange, key: bytes) -> Identity:
        try:
            return self._identified(exchange, await self._token_for(exchange, key))
        except TokenRevoked:
            # Its account's roles may have changed: auth gives another, or says that the key is dead.
            self.api_keys.forget(key, exchange.issued)
            return self._identified(exchange, await self._token_for(exchange, key))

    async def _token_for(self, exchange: Exchange, key: bytes) -> bytes:
        async def limit() -> None:
            counted, exchange.verdicts = exchange.verdicts, []
            await self.limiter.admit(exchange, self._unmatched)
            exchange.verdicts = counted

        return await self.api_keys.authorization(key, limit)

    def _identified(self, exchange: Exchange, authorization: bytes) -> Identity:
        exchange.issued = exchange.authorization = authorization
        return self.tokens.identify(authorization)

    def record(self, exchange: Exchange, status: int) -> None:
        """Count the exchange and write its line, once its answer is out; status 499: the client left."""
        match = exchange.match
        route = match.route.name if match else UNMATCHED
        seconds = monotonic() - exchange.started_at
        method = exchange.scope["method"]
        measures.count_request(method, route, status, seconds)
        if status == CLIENT_GONE:
            measures.CLIENTS_GONE.labels(route).inc()
        if not self._access_log.is_enabled:
            return
        caller = exchange.caller
        self._access_log.write(
            {
                "method": method,
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 2),
                "overhead_ms": round(exchange.overhead_seconds * 1000, 2),
                "limiter_ms": round(exchange.limiter_seconds * 1000, 2),
                "upstream": exchange.upstream,
                "upstream_ms": round(exchange.upstream_seconds * 1000, 2) if exchange.upstream else None,
                "retries": exchange.retries,
                "client": exchange.address,
                "account_id": str(caller.account_id) if caller else None,
                "request_id": exchange.trace.request_id,
                "trace_id": exchange.trace.trace_id,
            },
            path=exchange.scope["path"],
        )

    def finish(self, exchange: Exchange, response: Answer) -> None:
        """Add to ``response`` what the policies say about it."""
        elsewhere = exchange.upstream_seconds + exchange.held_seconds
        exchange.overhead_seconds = monotonic() - exchange.started_at - elsewhere
        fields = self._fields(exchange, response)
        if isinstance(response, StreamedResponse):
            response.add_fields(fields)
            return
        for key, value in fields:
            if key != b"vary" or "origin" not in response.headers.get("Vary", "").lower():
                response.headers.add(key.decode(), value.decode("latin-1"))

    def _fields(self, exchange: Exchange, response: Answer) -> RawHeaders:
        fields: RawHeaders = [(b"x-request-id", exchange.trace.request_id.encode())]
        match = exchange.match
        name = self.table.default_cors if match is None else match.route.cors
        if name is not None and not exchange.is_preflight:
            fields += self._cors[name].fields(exchange.origin)
        fields += limit_fields(exchange.verdicts)
        if match is not None:
            fields += match.response_rules.written if match.response_rules else []
            for policy in match.policies:
                policy.finish(exchange, fields)
        if exchange.is_by_cookie or exchange.api_key is not None:
            fields += cache_fields(response)
        if _has_body_left(exchange):
            # What is left of the body would be taken for the next request.
            fields.append((b"connection", b"close"))
        return fields


def _has_body_left(exchange: Exchange) -> bool:
    body = exchange.body
    return not body.is_done if body is not None else is_expected(exchange.scope["headers"])


def _leave_authorization_out(exchange: Exchange) -> None:
    """A dead token or key is nothing that a service should see: it may not know that it is dead."""
    exchange.authorization = exchange.issued = None
    exchange.scope["headers"] = [pair for pair in exchange.scope["headers"] if pair[0] != b"authorization"]

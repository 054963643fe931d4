"""CORS: which pages of other origins may call, and read the answers (Fetch standard, section 3.2).

Patterns are anchored, credentials never meet a wildcard, ``Vary: Origin`` is always there, and what an
upstream says about CORS is dropped: two ``Access-Control-Allow-Origin`` fields are none to a browser. The
gateway's own pages have Flask-CORS, which a test compares this with.
"""

from typing import TYPE_CHECKING, Annotated

from flask import Response
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from gateway import cookie_advice, origin_patterns
from gateway.messages import RawHeaders
from gateway.policies.policy import Policy
from gateway.values import STRICT, HeaderName, Listed, Method, Name, Origin, Whole

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.explanation import Asked

DELIVERY = "token-delivery"  # with which a page asks for a session in cookies
MOST_REMEMBERED = 4096
_VARY: RawHeaders = [(b"vary", b"Origin")]


@dataclass(frozen=True, slots=True, config=STRICT)
class CorsRule:
    """Which pages of other origins may call (Fetch standard, section 3.2)."""

    name: Name
    origins: Listed[Origin] = ()  # exact, ``https://*.example.org`` for its subdomains, or ``*`` alone
    bearer_origins: Listed[Origin] = ()  # the same without ``*``, for calls without cookies
    methods: Listed[Method] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
    allow_headers: Listed[HeaderName] = ()
    expose_headers: Listed[HeaderName] = ()
    allow_credentials: bool = False
    max_age_seconds: Annotated[Whole, Field(ge=0, le=86_400)] = 600

    @model_validator(mode="after")
    def _wildcard_stands_alone(self) -> "CorsRule":
        if "*" in self.origins and (self.allow_credentials or len(self.origins) > 1):
            raise ValueError("the origin * must stand alone, and never with allow_credentials")
        if "*" in self.bearer_origins:
            raise ValueError("bearer_origins lists origins; the origin * stands in origins, alone")
        return self


class CorsPolicy(Policy):
    """Answers preflights, and says on answers which pages may read them.

    What it says depends on the origin alone, so it is remembered.
    """

    name = "cors"

    def __init__(self, rule: CorsRule) -> None:
        self._rule = rule
        self._trusted = origin_patterns.compiled(rule.origins)
        self._by_bearer = origin_patterns.compiled(rule.bearer_origins)
        self._is_for_all = "*" in rule.origins
        self._headers = frozenset(name.lower() for name in rule.allow_headers)
        self._answers = _answers(rule, has_credentials=rule.allow_credentials)
        self._answers_by_bearer = _answers(rule, has_credentials=False)
        self._remembered: dict[str, RawHeaders] = {}

    def describe(self) -> str:
        """Whose pages may call."""
        origins = [*self._rule.origins, *(f"{origin} (no cookies)" for origin in self._rule.bearer_origins)]
        return f"{self._rule.name}: {', '.join(origins) or 'no other origin'}"

    def foresee(self, request: "Asked") -> str:
        """What a page of the request's origin may do."""
        origin = request.field(b"origin")
        if origin is None:
            return ""
        if request.method == "OPTIONS" and request.field(b"access-control-request-method") is not None:
            return "a preflight is answered here, neither counted nor asked for a token"
        granted = dict(self.fields(origin))
        if b"access-control-allow-origin" not in granted:
            return f"{origin} may not read the answer"
        credentials = ", with credentials" if b"access-control-allow-credentials" in granted else ""
        return f"{origin} may read the answer{credentials}"

    def check(self, exchange: "Exchange") -> Response | None:
        """The answer to a preflight.

        It is never counted and never asked for a token: the browser sends neither credentials nor choice.
        """
        if exchange.scope["method"] != "OPTIONS":
            return None
        requested = preflight_of(exchange)
        if requested is None or exchange.match is None:
            return None
        exchange.is_preflight = True
        self._explain(exchange, exchange.origin or "", requested)
        return self.preflight(exchange, requested)

    def _explain(self, exchange: "Exchange", origin: str, requested: dict[str, str]) -> None:
        """Hint at what the browser refuses here: a page that sends cookies never gets to read the 403."""
        hints = exchange.resources.hints
        if reason := self.refusal_of(origin, requested):
            hints.preflight_refused(origin, reason)
        elif DELIVERY in map(str.lower, _names(requested)) and not self.trusts(origin):
            gateway = f"{exchange.protocol}://{exchange.host}"
            hints.cookies_refused(origin, cookie_advice.of(origin, exchange.fetch_site, gateway))

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Say which pages may read the answer."""
        if not exchange.is_preflight:
            fields += self.fields(exchange.origin)

    def trusts(self, origin: str) -> bool:
        """Whether pages of ``origin`` may act by the cookies of the browser that they are open in."""
        return self._rule.allow_credentials and origin_patterns.match(self._trusted, origin)

    def allows(self, origin: str) -> bool:
        """Whether pages of ``origin`` may read an answer."""
        return self._is_for_all or any(
            origin_patterns.match(known, origin) for known in (self._trusted, self._by_bearer)
        )

    def fields(self, origin: str | None) -> RawHeaders:
        """What an answer to a request from ``origin`` carries."""
        if origin is None:
            return _VARY
        known = self._remembered.get(origin)
        if known is None:
            known = _VARY + self._granted(origin)
            if len(self._remembered) < MOST_REMEMBERED:
                self._remembered[origin] = known
        return known

    def _granted(self, origin: str) -> RawHeaders:
        if self._is_for_all:
            return [(b"access-control-allow-origin", b"*"), *self._answers]
        if origin_patterns.match(self._trusted, origin):
            return [(b"access-control-allow-origin", origin.encode("latin-1")), *self._answers]
        if origin_patterns.match(self._by_bearer, origin):
            return [(b"access-control-allow-origin", origin.encode("latin-1")), *self._answers_by_bearer]
        return []

    def preflight(self, exchange: "Exchange", requested: dict[str, str]) -> Response:
        """The answer to a preflight request (Fetch standard, section 4.8)."""
        response = Response(status=204)
        granted = self._granted(exchange.origin or "")
        if granted and requested["access-control-request-method"] in self._rule.methods:
            response.headers.extend((name.decode(), value.decode("latin-1")) for name, value in granted)
            response.headers.extend(self._of_preflight(requested))
        response.headers.add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        return response

    def refusal_of(self, origin: str, requested: dict[str, str]) -> str:
        """What the browser will refuse the request for, and how to change that; "" where it will not."""
        if not self.allows(origin):
            return f"name the origin in GATEWAY_ALLOWED_ORIGINS: {origin}"
        if (method := requested["access-control-request-method"]) not in self._rule.methods:
            return f"the table [cors.{self._rule.name}] of the route file has no method {method}"
        if missing := [name for name in _names(requested) if name.lower() not in self._headers]:
            return f"allow_headers of [cors.{self._rule.name}] in the route file lacks {', '.join(missing)}"
        return ""

    def _of_preflight(self, requested: dict[str, str]) -> dict[str, str]:
        allowed = ", ".join(sorted(name for name in _names(requested) if name.lower() in self._headers))
        return {
            **({"access-control-allow-headers": allowed} if allowed else {}),
            "access-control-allow-methods": ", ".join(sorted(self._rule.methods)),
            "access-control-max-age": str(self._rule.max_age_seconds),
        }


def _names(requested: dict[str, str]) -> list[str]:
    """The header fields that the page wants to send."""
    asked = requested.get("access-control-request-headers", "").split(",")
    return [name for one in asked if (name := one.strip())]


def _answers(rule: CorsRule, *, has_credentials: bool) -> RawHeaders:
    """What every answer says beside the origin."""
    fields: RawHeaders = []
    if rule.expose_headers:
        exposed = ", ".join(sorted(rule.expose_headers))
        fields.append((b"access-control-expose-headers", exposed.encode()))
    if has_credentials:
        fields.append((b"access-control-allow-credentials", b"true"))
    return fields


def preflight_of(exchange: "Exchange") -> dict[str, str] | None:
    """What a preflight asks for; None for any other OPTIONS."""
    if exchange.origin is None:
        return None
    requested = {
        name.decode(): value.decode("latin-1")
        for name, value in exchange.scope["headers"]
        if name.startswith(b"access-control-request-")
    }
    return requested if "access-control-request-method" in requested else None

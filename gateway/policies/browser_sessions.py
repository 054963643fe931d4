"""Browsers' sessions in cookies: turned into an Authorization for pages that may act by them, else left out.

A browser sends its cookies whatever page asks, so they count only where the browser itself says that the
page is one of ours: by Origin, and by Sec-Fetch-Site where it says that too (Fetch Metadata). A page
need not carry a token against forgery. Cookies never pass to a service.
"""

from typing import TYPE_CHECKING

from gateway import cookie_advice, errors, targets
from gateway.messages import Answer, RawHeaders, raw
from gateway.policies.cors import CorsPolicy
from gateway.policies.policy import Policy
from shared.chassis.errors import ApiError
from shared.chassis.origins import without_default_port
from shared.contracts import delivery

if TYPE_CHECKING:
    from gateway.exchange import Exchange

ACCESS = delivery.ACCESS_COOKIE.encode()
REFRESH = delivery.REFRESH_COOKIE.encode()
DEVICE = delivery.DEVICE_COOKIE.encode()
DELIVERY = delivery.DELIVERY_HEADER.lower().encode()
BY_COOKIE = delivery.BY_COOKIE.encode()
# The refresh token serves here alone, though the prefix of its name has browsers send it everywhere.
REFRESH_PATHS = frozenset({b"/api/v1/auth/refresh", b"/api/v1/auth/logout"})
SAFE_METHODS = frozenset({"GET", "HEAD"})
_SAID = frozenset({b"public", b"s-maxage", b"private", b"no-store"})  # who may keep an answer


class BrowserSessions(Policy):
    """Has a request speak for its cookies, takes them out, and keeps its answer from shared caches."""

    name = "cookies"

    def __init__(self, cors: CorsPolicy | None, *, upstream: str, is_public: bool) -> None:
        self._cors = cors
        self._kept = {DEVICE} if upstream == "auth" else set()
        self._is_public = is_public

    def describe(self) -> str:
        """Nothing: the same for every route."""
        return ""

    def check(self, exchange: "Exchange") -> None:
        """Adopt the cookies; what speaks against it is only said once the request has been counted."""
        if exchange.has_cookies or exchange.delivery is not None:
            try:
                self._adopt(exchange)
            except ApiError as refusal:
                exchange.refusal = refusal

    def finish(self, exchange: "Exchange", fields: RawHeaders) -> None:
        """Say whose the answer is."""
        if (exchange.is_by_cookie or exchange.api_key is not None) and exchange.answer is not None:
            fields += cache_fields(exchange.answer)

    def _adopt(self, exchange: "Exchange") -> None:
        found, exchange.scope["headers"] = _taken_out(exchange.scope["headers"], self._kept)
        is_ours = self._is_ours(exchange)
        is_asked_for = self._is_asked_for(exchange, is_ours=is_ours)
        token = self._token_of(exchange, found)
        if token is not None and is_ours:
            exchange.authorization = exchange.issued = b"Bearer " + token
            exchange.is_by_cookie = True
        elif token is not None and (_is_for_refresh(exchange) or not self._is_public):
            raise _not_ours(exchange)
        if exchange.is_by_cookie or is_asked_for:
            exchange.scope["headers"].append((DELIVERY, BY_COOKIE))

    def _is_asked_for(self, exchange: "Exchange", *, is_ours: bool) -> bool:
        if exchange.delivery is None:
            return False
        if exchange.delivery != BY_COOKIE:
            raise errors.TokenDeliveryInvalid
        if not is_ours:
            raise _not_ours(exchange)
        return True

    def _is_ours(self, exchange: "Exchange") -> bool:
        """Whether the browser says that a page of ours makes this request."""
        if exchange.fetch_site not in {None, b"same-origin", b"same-site"}:
            return False
        if exchange.origin is None:
            # Browsers leave Origin out of nothing but reading within one origin, and of navigations.
            return exchange.fetch_site == b"same-origin" and exchange.scope["method"] in SAFE_METHODS
        if exchange.origin == without_default_port(f"{exchange.protocol}://{exchange.host}"):
            return True
        return self._cors is not None and self._cors.trusts(exchange.origin)

    def _token_of(self, exchange: "Exchange", found: dict[bytes, set[bytes]]) -> bytes | None:
        """The token of the cookie that serves at this path, unless the request presents another."""
        if exchange.authorization is not None or exchange.api_key is not None:
            return None
        return _only(found.get(REFRESH if _is_for_refresh(exchange) else ACCESS))


def _not_ours(exchange: "Exchange") -> errors.OriginNotAllowed:
    """The refusal of a page that may not act by cookies: what is wrong with it, and what to do."""
    origin = exchange.origin or ""
    advice = cookie_advice.of(origin, exchange.fetch_site, f"{exchange.protocol}://{exchange.host}")
    exchange.resources.hints.cookies_refused(origin, advice)
    return errors.OriginNotAllowed(advice)


def cache_fields(response: Answer) -> RawHeaders:
    """That the answer is its caller's, unless the service says that anybody may have it.

    Shared caches know it of a request with an Authorization (RFC 9111 section 3.5), not of one with cookies
    or with an X-API-Key. It is added to what the service says: a max-age alone does not mean everybody.
    """
    directives: set[bytes] = set()
    for name, value in raw(response):
        if name == b"cache-control":
            directives |= {one.partition(b"=")[0].strip().lower() for one in value.split(b",")}
    return [] if directives & _SAID else [(b"cache-control", b"private")]


def _is_for_refresh(exchange: "Exchange") -> bool:
    match = exchange.match
    path = match.reads(exchange.scope["raw_path"]) if match else b""
    return targets.without_last_slash(path) in REFRESH_PATHS


def _taken_out(headers: RawHeaders, kept: set[bytes]) -> tuple[dict[bytes, set[bytes]], RawHeaders]:
    """Our cookies by name, and the header fields without them and without a Token-Delivery."""
    found: dict[bytes, set[bytes]] = {}
    rest: RawHeaders = []
    for name, value in headers:
        if name == b"cookie":
            others = b";".join(_others(value, found, kept)).strip()
            rest += [(name, others)] if others else []
        elif name != DELIVERY:
            rest.append((name, value))
    return found, rest


def _others(value: bytes, found: dict[bytes, set[bytes]], kept: set[bytes]) -> list[bytes]:
    others: list[bytes] = []
    for pair in value.split(b";"):
        name, _, content = pair.strip(b" \t").partition(b"=")
        if name in {ACCESS, REFRESH, DEVICE} - kept:
            found.setdefault(name, set()).add(content)
        else:
            others.append(pair)
    return others


def _only(contents: set[bytes] | None) -> bytes | None:
    """The one value; two of one name mean that somebody planted the other."""
    return next(iter(contents)) if contents and len(contents) == 1 else None

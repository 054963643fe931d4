"""Cross-origin answers: Flask-CORS decides, under policies without its unsafe defaults.

Its patterns are anchored here, credentials never meet a wildcard, ``Vary: Origin`` is always there, and what
an upstream says about CORS is dropped: two ``Access-Control-Allow-Origin`` fields are none to a browser.
"""

import re

from flask import Response
from flask_cors.core import DEFAULT_OPTIONS, get_cors_headers, serialize_options
from werkzeug.datastructures import Headers

from gateway.exchange import Exchange
from gateway.policies import Cors, origin_pattern

Fields = list[tuple[bytes, bytes]]
MOST_REMEMBERED = 4096
LONGEST_ORIGIN = 512
_VARY: Fields = [(b"vary", b"Origin")]


class CorsPolicy:
    """One policy at work; its answers depend on the origin alone, so they are remembered."""

    def __init__(self, policy: Cors) -> None:
        self._methods = frozenset(policy.methods)
        self._options = serialize_options(
            {
                **DEFAULT_OPTIONS,
                "origins": [
                    origin if origin == "*" else re.compile(origin_pattern(origin))
                    for origin in policy.origins
                ],
                "methods": list(policy.methods),
                "allow_headers": [
                    re.compile(rf"^{re.escape(name)}\Z", re.IGNORECASE) for name in policy.allow_headers
                ],
                "expose_headers": list(policy.expose_headers) or None,
                "supports_credentials": policy.allow_credentials,
                "max_age": str(policy.max_age_seconds),
                "send_wildcard": "*" in policy.origins,
                "always_send": False,
            }
        )
        self._trusted = [re.compile(origin_pattern(origin)) for origin in policy.origins if origin != "*"]
        self._allows_credentials = policy.allow_credentials
        self._remembered: dict[str, Fields] = {}

    def trusts(self, origin: str) -> bool:
        """Whether pages of ``origin`` may act by the cookies of the browser that they are open in."""
        return self._allows_credentials and any(pattern.match(origin) for pattern in self._trusted)

    def fields(self, origin: str | None) -> Fields:
        """What an answer to a request from ``origin`` carries."""
        if origin is None:
            return _VARY
        known = self._remembered.get(origin)
        if known is None:
            known = _VARY + self._decide(origin, "GET", {})
            if len(self._remembered) < MOST_REMEMBERED:
                self._remembered[origin] = known
        return known

    def preflight(self, exchange: Exchange, requested: dict[str, str]) -> Response:
        """The answer to a preflight request (Fetch standard, section 4.8)."""
        response = Response(status=204)
        # Flask-CORS looks for the method as a part of the list's text, in which "E" is one too.
        if requested["access-control-request-method"] in self._methods:
            for name, value in self._decide(exchange.origin or "", "OPTIONS", requested):
                response.headers.add(name.decode(), value.decode("latin-1"))
        response.headers.add("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
        return response

    def _decide(self, origin: str, method: str, requested: dict[str, str]) -> Fields:
        if len(origin) > LONGEST_ORIGIN or not self._options.origins:
            return []
        found = get_cors_headers(self._options, Headers({"Origin": origin, **requested}), method)
        return [
            (name.lower().encode(), str(value).encode("latin-1"))
            for name, value in found.items()
            if value and name.lower() != "vary"
        ]


def preflight_of(exchange: Exchange) -> dict[str, str] | None:
    """What a preflight asks for; None for any other request."""
    if exchange.scope["method"] != "OPTIONS" or exchange.origin is None:
        return None
    requested = {
        name.decode(): value.decode("latin-1")
        for name, value in exchange.scope["headers"]
        if name.startswith(b"access-control-request-")
    }
    return requested if "access-control-request-method" in requested else None

"""OPTIONS that go no further than the gateway (RFC 9110 sections 7.6.2 and 9.3.7)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Response

from gateway.messages import RawHeaders
from gateway.policies.policy import Policy

if TYPE_CHECKING:
    from gateway.exchange import Exchange
    from gateway.explanation import Asked

MAX_FORWARDS = b"max-forwards"
MOST_DIGITS = 18  # nothing takes so many hops, and Python refuses to read thousands of digits


class OptionsPolicy(Policy):
    """Answers OPTIONS where no service is to be asked; else one hop less is left for the request."""

    name = "options"

    def __init__(self, methods: Iterable[str], *, has_parts: bool) -> None:
        self._allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        self._has_parts = has_parts

    def describe(self) -> str:
        """Nothing: the same for every route."""
        return ""

    def foresee(self, request: "Asked") -> str:
        """Whether it is answered here."""
        return "answered here" if request.method == "OPTIONS" and self._has_parts else ""

    def check(self, exchange: "Exchange") -> Response | None:
        """The methods that the route takes, for who asks no further."""
        if exchange.scope["method"] != "OPTIONS":
            return None
        if self._has_parts or _is_last_hop(exchange):
            return Response(status=204, headers={"Allow": self._allowed})
        return None


def _is_last_hop(exchange: "Exchange") -> bool:
    headers: RawHeaders = exchange.scope["headers"]
    hops = next((value for name, value in headers if name == MAX_FORWARDS and value.isdigit()), None)
    if hops is None or len(hops) > MOST_DIGITS:
        return False
    if int(hops) == 0:
        return True
    exchange.scope["headers"] = [
        (name, b"%d" % (int(hops) - 1) if name == MAX_FORWARDS else value) for name, value in headers
    ]
    return False

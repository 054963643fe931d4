"""OPTIONS that go no further than the gateway (RFC 9110 sections 7.6.2 and 9.3.7)."""

from flask import Response

from gateway.exchange import Exchange
from gateway.messages import RawHeaders
from gateway.routing import Match

MAX_FORWARDS = b"max-forwards"


def answer_to(exchange: Exchange, match: Match) -> Response | None:
    """The answer, where no service is to be asked; else one hop less is left for the request."""
    if match.route.parts or _is_last_hop(exchange):
        return Response(status=204, headers={"Allow": ", ".join(sorted({*match.methods, "OPTIONS"}))})
    return None


def _is_last_hop(exchange: Exchange) -> bool:
    headers: RawHeaders = exchange.scope["headers"]
    hops = next((value for name, value in headers if name == MAX_FORWARDS and value.isdigit()), None)
    if hops is None:
        return False
    if int(hops) == 0:
        return True
    exchange.scope["headers"] = [
        (name, b"%d" % (int(hops) - 1) if name == MAX_FORWARDS else value) for name, value in headers
    ]
    return False

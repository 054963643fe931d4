"""The body: how much of it a route takes."""

from typing import TYPE_CHECKING

from gateway.policies.policy import Policy
from gateway.request_body import NO_BODY, body_of

if TYPE_CHECKING:
    from gateway.exchange import Exchange


class BodyPolicy(Policy):
    """Refuses a body that is too large, before a byte of it is read where its length is said."""

    name = "body"

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes

    def describe(self) -> str:
        """How much."""
        return f"at most {self._most_bytes:,} bytes"

    def check(self, exchange: "Exchange") -> None:
        """Make the body ready to be read; raises BodyTooLarge, UnknownCoding."""
        if not exchange.announces_body:
            exchange.body = NO_BODY
            return
        headers = exchange.scope["headers"]
        exchange.body = body_of(headers, exchange.receive, self._most_bytes, exchange.address)

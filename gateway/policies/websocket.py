"""WebSockets: whether a route takes them, within which limits, and which pages may open one."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from gateway import errors
from gateway.policies.cors import CorsPolicy
from gateway.policies.policy import Policy
from gateway.values import STRICT, Seconds, Whole
from shared.chassis.errors import ApiError
from shared.chassis.origins import without_default_port

if TYPE_CHECKING:
    from gateway.exchange import Exchange


@dataclass(frozen=True, slots=True, config=STRICT)
class WebSocketRule:
    """The limits of one WebSocket."""

    max_message_bytes: Annotated[Whole, Field(ge=1, le=16_777_216)] = 65_536
    idle_seconds: Seconds = 600.0  # without a message, whichever way

    def __str__(self) -> str:
        size, seconds = f"{self.max_message_bytes:,} bytes", f"{self.idle_seconds:g} s"
        return f"messages of at most {size}, closed after {seconds} without any"


def websocket_rule(value: object) -> object:
    """What ``websocket = true`` is short for; ``false``: none."""
    if isinstance(value, bool):
        return WebSocketRule() if value else None
    return value


class WebSocketPolicy(Policy):
    """Has a handshake speak for the token that it offers, and lets no page of a foreign origin open one.

    Browsers keep the messages of a WebSocket from no page that could open it, whoever is signed in. Where any
    page may, then without the cookies that the browser sends.
    """

    name = "websocket"

    def __init__(self, rule: WebSocketRule, cors: CorsPolicy | None) -> None:
        self._rule = rule
        self._cors = cors

    def describe(self) -> str:
        """What one may do."""
        return str(self._rule)

    def check(self, exchange: "Exchange") -> None:
        """Adopt the token; what speaks against the handshake is only said once it has been counted."""
        if exchange.opening is None:
            return
        try:
            self._adopt(exchange, exchange.opening.token)
            self._let_page_in(exchange)
        except ApiError as refusal:
            exchange.refusal = refusal

    def _adopt(self, exchange: "Exchange", token: str | None) -> None:
        if token is None:
            return
        if exchange.authorization is not None:
            raise errors.FieldRepeated(field="authorization")
        exchange.authorization = exchange.issued = b"Bearer " + token.encode("latin-1")

    def _let_page_in(self, exchange: "Exchange") -> None:
        origin = exchange.origin
        if origin is None or origin == without_default_port(f"{exchange.protocol}://{exchange.host}"):
            return
        if self._cors is None or not self._cors.allows(origin):
            raise errors.OriginNotAllowed("Pages of this origin may not open WebSockets here.")
        if not self._cors.trusts(origin):
            fields = exchange.scope["headers"]
            exchange.scope["headers"] = [field for field in fields if field[0] != b"cookie"]

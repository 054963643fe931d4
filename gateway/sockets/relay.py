"""An open WebSocket between a client and a service: messages both ways, until one of them or we have enough.

Messages are read and written anew, hop by hop, as HTTP is. To pass the bytes through would cost less, but the
gateway can only close a socket between two frames, and would leave it to every service to refuse what
breaks the rules.
"""

import asyncio
from time import time
from typing import NamedTuple

from websockets.frames import CloseCode

from gateway import measures
from gateway.messages import Receive, ResponseBroken, Send
from gateway.open_streams import Watched
from gateway.policies.websocket import WebSocketRule
from shared.serving.deadline import Deadline
from shared.serving.ending import Closed
from shared.serving.endpoint import Endpoint
from shared.serving.messages import ClientTooSlow

REVOKED = (int(CloseCode.POLICY_VIOLATION), "the session has ended")
EXPIRED = (int(CloseCode.POLICY_VIOLATION), "the token has expired")
IDLE = (int(CloseCode.GOING_AWAY), "idle")
# For a client whose service broke off. 1014 (Bad Gateway) is no code to Chromium, which would see a 1006.
SERVICE_LOST = (int(CloseCode.INTERNAL_ERROR), "the service broke off")
_UNSENDABLE = frozenset({int(CloseCode.ABNORMAL_CLOSURE), int(CloseCode.BAD_GATEWAY)})


class CloseStatus(NamedTuple):
    """How a socket ends: what the client and the service are told."""

    code: int
    reason: str
    by: str  # "client", "service" or "gateway"


class SocketRelay:
    """One socket, open on the service's side: what an answer with the status 101 has for a body."""

    def __init__(
        self, service: Endpoint, rules: WebSocketRule, *, route: str, subprotocol: str | None
    ) -> None:
        self._service = service
        self._route = route
        self.rules = rules
        self.subprotocol = subprotocol
        self._loop = asyncio.get_running_loop()
        self._decided: asyncio.Future[CloseStatus] = self._loop.create_future()
        self._idle = Deadline(self._loop, lambda: self.end(*IDLE))
        self._expiring: asyncio.TimerHandle | None = None
        self.watched: Watched | None = None  # for the revocation of the caller's session
        self.from_client = self.from_service = 0  # messages
        self.close_status: CloseStatus | None = None

    def expire_at(self, at: float) -> None:
        """The token that opened it expires at this unix time."""
        self._expiring = self._loop.call_later(max(0.0, at - time()), lambda: self.end(*EXPIRED))

    def end(self, code: int, reason: str) -> None:
        """End it now, whatever is under way."""
        self._decide(CloseStatus(code, reason, "gateway"))

    # -- as a body

    async def read(self) -> bytes:
        """There is nothing that HTTP could send."""
        raise ResponseBroken

    def cut(self) -> None:
        """The caller's session is dead."""
        self.end(*REVOKED)

    def close(self) -> None:
        """It is over, or was never begun."""
        self._idle.end()
        if self._expiring is not None:
            self._expiring.cancel()
        if self.watched is not None:
            self.watched.forget()
            self.watched = None
        self._service.close(CloseCode.GOING_AWAY)

    # -- as a socket

    async def run(self, receive: Receive, send: Send) -> None:
        """Relay until it ends."""
        self._idle.set(self.rules.idle_seconds)
        pumps = [asyncio.create_task(self._pump_up(receive)), asyncio.create_task(self._pump_down(send))]
        for pump in pumps:
            pump.add_done_callback(self._notice)
        try:
            status = self.close_status = await self._decided
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        if status.by == "client" and status.code not in _UNSENDABLE:
            self._service.close(status.code, status.reason)
        elif status.by != "client":
            await send({"type": "websocket.close", "code": status.code, "reason": status.reason})

    async def _pump_up(self, receive: Receive) -> None:
        """Client to service."""
        try:
            while (message := await receive())["type"] == "websocket.receive":
                self._idle.set(self.rules.idle_seconds)
                text = message.get("text")
                await self._service.send(message["bytes"] if text is None else text)
                self.from_client += 1
                measures.count_message(self._route, "client")
        except Closed:
            return  # the way down tells how, behind what the service sent before
        except ClientTooSlow:
            self._decide(CloseStatus(*SERVICE_LOST, "service"))  # here the service is the client
        else:
            self._decide(CloseStatus(message["code"], message["reason"], "client"))

    async def _pump_down(self, send: Send) -> None:
        """Service to client."""
        try:
            while True:
                message = await self._service.receive()
                self._idle.set(self.rules.idle_seconds)
                kind = "text" if isinstance(message, str) else "bytes"
                await send({"type": "websocket.send", kind: message})
                self.from_service += 1
                measures.count_message(self._route, "service")
        except Closed as closed:
            code, reason, is_by_peer = closed.end
            is_passed_on = is_by_peer and code not in _UNSENDABLE
            self._decide(CloseStatus(*((code, reason) if is_passed_on else SERVICE_LOST), "service"))
        except ClientTooSlow:
            self._decide(CloseStatus(CloseCode.ABNORMAL_CLOSURE, "the client takes nothing", "client"))

    def _notice(self, pump: asyncio.Task[None]) -> None:
        error = None if pump.cancelled() else pump.exception()
        if error is not None and not self._decided.done():
            self._decided.set_exception(error)

    def _decide(self, status: CloseStatus) -> None:
        if not self._decided.done():
            self._decided.set_result(status)

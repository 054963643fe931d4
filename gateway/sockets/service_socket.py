"""The service's side of one WebSocket: an endpoint on the connection that its handshake was made on."""

import asyncio

from websockets.protocol import Side

from gateway import headers
from gateway.attempt import Attempt
from gateway.exchange import Exchange
from gateway.messages import StreamedResponse
from gateway.policies.websocket import WebSocketRule
from gateway.sockets.relay import SocketRelay
from gateway.upstream.framing import ResponseHead
from shared.serving.bounds import Bounds
from shared.serving.endpoint import Endpoint
from shared.serving.wire import Wire

TAKING_SECONDS = 30.0


class ServiceSocket(asyncio.Protocol):
    """What the event loop calls for it."""

    __slots__ = ("_wire", "endpoint")

    def __init__(self, transport: asyncio.Transport, *, most_message: int) -> None:
        loop = asyncio.get_running_loop()
        self._wire = Wire(transport, loop, taking_seconds=TAKING_SECONDS)
        self.endpoint = Endpoint(Side.CLIENT, self._wire, loop, Bounds(most_message=most_message))
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Bytes have arrived."""
        if not self._wire.is_gone:
            self.endpoint.feed(data)

    def eof_received(self) -> bool:
        """The service has ended its side: the connection is over."""
        self.endpoint.feed_eof()
        return False

    def pause_writing(self) -> None:
        """The service reads more slowly than the client sends."""
        self._wire.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._wire.resume_writing()
        self.endpoint.has_room()

    def connection_lost(self, error: Exception | None) -> None:
        """The service is gone."""
        self._wire.lose()
        self.endpoint.lose()


def opened_socket(attempt: Attempt, head: ResponseHead, exchange: Exchange) -> StreamedResponse:
    """The answer that lets the client in, with the socket; raises ProtocolFault, ConnectionEnded."""
    match, opening = exchange.match, exchange.opening
    assert match is not None  # noqa: S101  (only matched exchanges are forwarded)
    assert opening is not None  # noqa: S101  (a connection takes no 101 that was not asked for)
    rule = match.route.websocket or WebSocketRule()
    subprotocol = opening.chosen(head)
    rest = attempt.connection.switch()
    attempt.answered(head.status)
    attempt.let_go()
    socket = ServiceSocket(attempt.connection.transport, most_message=rule.max_message_bytes)
    if rest:
        socket.data_received(rest)
    passed = [*headers.response_fields(head.headers, match.fields.response), headers.VIA]
    relay = SocketRelay(socket.endpoint, rule, route=match.route.name, subprotocol=subprotocol)
    return StreamedResponse(101, passed, b"", relay)

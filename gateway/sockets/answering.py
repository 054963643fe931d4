"""The end of a handshake: the client is let in and its socket relayed, or it is told by HTTP why not."""

from time import monotonic
from typing import Any

from websockets.frames import CloseCode

from gateway import measures
from gateway.exchange import Exchange
from gateway.messages import Answer, Message, Send, raw, send_answer
from gateway.sockets.relay import SocketRelay
from shared.serving.messages import MOST_MESSAGE


async def answer_socket(exchange: Exchange, answer: Answer, send: Send) -> None:
    """Send ``answer``, and the messages behind it if it is a 101; raises as ``send_answer`` does."""
    relay: Any = getattr(answer, "source", None)
    if isinstance(relay, SocketRelay):
        if answer.status_code == 101:
            await _relay(exchange, relay, answer, send)
            return
        relay.close()  # a hook has made another answer of it
        answer.source = None  # type: ignore[union-attr]

    async def deny(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    await send_answer(answer, deny)


async def _relay(exchange: Exchange, relay: SocketRelay, answer: Answer, send: Send) -> None:
    match = exchange.match
    assert match is not None  # noqa: S101  (only matched exchanges are forwarded)
    exchange.relay = relay
    route = match.route.name
    gauge = measures.SOCKETS_OPEN.labels(route)
    gauge.inc()
    try:
        await send(
            {
                "type": "websocket.accept",
                "subprotocol": relay.subprotocol,
                "headers": raw(answer),
                MOST_MESSAGE: relay.rules.max_message_bytes,
            }
        )
        measures.count_request("GET", route, answer.status_code, monotonic() - exchange.started_at)
        await relay.run(exchange.receive, send)
    finally:
        relay.close()
        gauge.dec()
        status = relay.close_status
        measures.count_end(route, status.code if status else CloseCode.ABNORMAL_CLOSURE)

"""ASGI's ``websocket`` scope on one connection: the handshake's answer, then messages both ways."""

import asyncio
from dataclasses import replace
from typing import Any

from websockets.frames import CloseCode
from websockets.protocol import Side

from shared.serving import handshake
from shared.serving.bounds import Bounds
from shared.serving.ending import Closed, End
from shared.serving.endpoint import Endpoint
from shared.serving.head_lines import switching_head
from shared.serving.messages import MOST_MESSAGE, App, ClientTooSlow, Message, Scope
from shared.serving.refusals import refusal
from shared.serving.reply import Reply
from shared.serving.wire import Wire

_DENIAL = "websocket.http.response."


class Session:
    """What an app sees of one WebSocket: its ``receive`` is a method, its ``send`` the call."""

    __slots__ = ("_accept", "_ahead", "_bounds", "_endpoint", "_is_told", "_loop", "_lost", "_reply", "_wire")

    def __init__(
        self, wire: Wire, loop: asyncio.AbstractEventLoop, *, accept: str, reply: Reply, bounds: Bounds
    ) -> None:
        self._wire = wire
        self._loop = loop
        self._accept = accept
        self._reply = reply  # where the handshake is refused
        self._bounds = bounds
        self._endpoint: Endpoint | None = None
        self._ahead = b""  # what came before the handshake was answered
        self._is_told = False
        self._lost: asyncio.Future[None] = loop.create_future()  # resolved if that happens before an answer

    @property
    def is_open(self) -> bool:
        """Whether the client has been let in."""
        return self._endpoint is not None

    async def receive(self) -> Message:
        """ASGI's."""
        if not self._is_told:
            self._is_told = True
            return {"type": "websocket.connect"}
        if self._endpoint is None:
            await self._lost
            return _disconnect(End(CloseCode.ABNORMAL_CLOSURE, "", is_by_peer=False))
        try:
            message = await self._endpoint.receive()
        except Closed as closed:
            return _disconnect(closed.end)
        kind = "text" if isinstance(message, str) else "bytes"
        return {"type": "websocket.receive", kind: message}

    async def __call__(self, message: Message) -> None:
        """ASGI's ``send``; raises ClientTooSlow."""
        kind = message["type"]
        if kind == "websocket.send":
            await self._send(message)
        elif kind == "websocket.accept":
            self._let_in(message)
        elif kind == "websocket.close":
            self._close(message)
        elif kind.startswith(_DENIAL) and self._endpoint is None:
            await self._reply({**message, "type": kind.removeprefix("websocket.")})
        else:
            raise RuntimeError(f"{kind} is not expected now")

    async def _send(self, message: Message) -> None:
        if self._endpoint is None:
            raise RuntimeError("the handshake is not accepted")
        text = message.get("text")
        try:
            await self._endpoint.send(message["bytes"] if text is None else text)
        except Closed:
            return  # ASGI: what is sent behind the end is lost; receive() tells of it

    def _let_in(self, message: Message) -> None:
        if self._endpoint is not None or self._reply.has_started:
            raise RuntimeError("the handshake has been answered")
        fields = handshake.answer_of(self._accept, message.get("subprotocol"), message.get("headers", ()))
        most = message.get(MOST_MESSAGE, self._bounds.most_message)
        self._wire.write(switching_head(fields))
        self._endpoint = Endpoint(
            Side.SERVER, self._wire, self._loop, replace(self._bounds, most_message=most)
        )
        ahead, self._ahead = self._ahead, b""
        if self._wire.is_gone:
            self._endpoint.lose()
        elif ahead:
            self._endpoint.feed(ahead)

    def _close(self, message: Message) -> None:
        if self._endpoint is None:
            self._wire.write(refusal(403))
            self._wire.close_lingering()
        else:
            self._endpoint.close(message.get("code") or CloseCode.NORMAL_CLOSURE, message.get("reason") or "")

    # -- for the connection

    def feed(self, data: bytes) -> None:
        """Bytes have arrived."""
        if self._endpoint is not None:
            self._endpoint.feed(data)
        else:
            self._ahead += data
            self._wire.pause_reading()  # who speaks before the answer is in no hurry

    def feed_eof(self) -> None:
        """The client sends no more: a WebSocket is over with that."""
        if self._endpoint is not None:
            self._endpoint.feed_eof()
        else:
            self._wire.abort()

    def has_room(self) -> None:
        """The client has caught up."""
        if self._endpoint is not None:
            self._endpoint.has_room()

    def lose(self) -> None:
        """The client is gone."""
        if self._endpoint is not None:
            self._endpoint.lose()
        elif not self._lost.done():
            self._lost.set_result(None)

    def leave(self) -> None:
        """The server stops."""
        if self._endpoint is not None:
            self._endpoint.close(CloseCode.GOING_AWAY, "the server stops")

    async def run(self, app: App, scope: Scope, log: Any) -> None:
        """Have ``app`` speak to the client; raises ClientTooSlow."""
        code = CloseCode.NORMAL_CLOSURE
        try:
            await app(scope, self.receive, self)
        except (asyncio.CancelledError, ClientTooSlow):
            raise
        except Exception:
            log.exception("app_failed")
            code = CloseCode.INTERNAL_ERROR
        await self._finish(code)

    async def _finish(self, code: CloseCode) -> None:
        """The app is through with it: close what it left open, and wait for the client's part of that."""
        if self._endpoint is not None:
            self._endpoint.close(code)
            await self._endpoint.wait_until_over()
        elif not self._reply.has_started and not self._wire.is_gone:
            self._wire.write(refusal(500 if code is CloseCode.INTERNAL_ERROR else 403))


def _disconnect(end: End) -> dict[str, Any]:
    return {"type": "websocket.disconnect", "code": int(end.code), "reason": end.reason}

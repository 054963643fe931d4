"""One client connection as the event loop sees it: what happens on it, and its end.

What is said on it is the ``conversation``; the socket's side is the ``wire``.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from shared.serving.conversation import Conversation
from shared.serving.scopes import base_of
from shared.serving.wire import Wire

if TYPE_CHECKING:
    from shared.serving.server import Server


class Connection(asyncio.Protocol):
    """One client connection."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._wire: Wire = None  # type: ignore[assignment]  # until connection_made, like all of these
        self._conversation: Conversation = None  # type: ignore[assignment]
        self._address = ""
        self._is_secure = False
        self._task: asyncio.Task[None] | None = None

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; its first head may take so long and no longer."""
        server = self._server
        self._wire = Wire(
            cast("asyncio.Transport", transport),
            server.loop,
            taking_seconds=server.options.taking_seconds,
            server=server,
        )
        scope = base_of(transport)
        self._address = scope["client"][0] if scope["client"] else ""
        self._is_secure = scope["scheme"] == "https"
        self._conversation = Conversation(server, self._wire, scope)
        refused = server.admit(self, self._address)
        if refused is None:
            self._task = self._conversation.start()
        else:
            self._conversation.refuse(refused)

    def data_received(self, data: bytes) -> None:
        """Bytes came; what a client sends that has its last answer is read over."""
        if not self._wire.is_gone:
            self._conversation.feed(data)

    def eof_received(self) -> bool:
        """The client sends no more; whether it may still be written to: TLS knows no half of a connection."""
        self._conversation.feed_eof()
        return not self._is_secure

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        self._wire.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._wire.resume_writing()
        self._conversation.has_room()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone, and what it asked for with it."""
        self._wire.lose()
        self._server.dismiss(self, self._address)
        if self._conversation.lose() and self._task is not None:
            self._task.cancel()

    # -- its end, as the server wants it

    def close_if_idle(self, seconds: float) -> None:
        """End it if no request has been on it for ``seconds``, or only events, or messages."""
        if self._conversation.leave_if_idle(seconds) and self._task is not None:
            self._task.cancel()

    def abort(self) -> asyncio.Task[None] | None:
        """End it at once; the task that was at work, if one was."""
        self._wire.abort()
        if self._task is None or self._task.done():
            return None
        self._task.cancel()
        return self._task

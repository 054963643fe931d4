"""A service that speaks WebSocket by the ``websockets`` package, in a thread of its own."""

import asyncio
import base64
import hashlib
import json
import logging
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tests.gateway.echo import Received

# What it says of each probe would stand in the output of whatever else runs in this process.
QUIET = logging.getLogger("tests.socket_service")
QUIET.setLevel(logging.WARNING)


@dataclass
class SocketService:
    """Echoes. ``/ws/fields`` tells the handshake's fields, ``/ws/close/N`` closes so, ``/ws/die`` breaks off,
    ``/ws/flood`` sends without end, ``/ws/refuse/N`` answers the handshake with that status.
    """

    certificate: Path | None = None  # with its key, for localhost
    port: int = 0
    closed: list[tuple[str, int | None]] = field(default_factory=list)  # path and code
    sent: int = 0  # bytes that /ws/flood has got rid of

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}" if self._context is None else f"https://localhost:{self.port}"

    @property
    def _context(self) -> ssl.SSLContext | None:
        if self.certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context

    def start(self) -> None:
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        async with serve(
            self._handle,
            "127.0.0.1",
            self.port,
            ssl=self._context,
            process_request=_refuse,
            subprotocols=[Subprotocol("chat")],
            select_subprotocol=_choose,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
            logger=QUIET,
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self._stopping.wait()

    async def _handle(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        path = socket.request.path.partition("?")[0]
        kind, _, rest = path.removeprefix("/ws/").partition("/")
        try:
            if kind == "fields":
                await socket.send(json.dumps(list(socket.request.headers.raw_items())))
            elif kind == "close":
                await socket.close(int(rest), "as asked")
                return
            elif kind == "die":
                await socket.recv()
                socket.transport.abort()
                return
            elif kind == "flood":
                while True:
                    await socket.send(b"x" * 60_000)
                    self.sent += 60_000
            async for message in socket:
                await socket.send(message)
        except ConnectionClosed:
            pass
        finally:
            await socket.wait_closed()
            self.closed.append((path, socket.close_code))


def _refuse(_socket: ServerConnection, request: Request) -> Response | None:
    if request.path == "/readyz":
        return _socket.respond(200, "ready\n")  # type: ignore[arg-type]
    if request.path.startswith("/ws/refuse/"):
        return _socket.respond(int(request.path.rpartition("/")[2]), "not here\n")  # type: ignore[arg-type]
    return None


def _choose(_socket: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    return next((one for one in offered if one == "chat"), None)


def accepting(request: Received, *more: str, accept: str | None = None) -> bytes:
    """The 101 of a service made by hand."""
    key = (request.value("sec-websocket-key") or "").encode()
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324
    accept = accept or base64.b64encode(digest).decode()
    fields = "".join(f"{field}\r\n" for field in more)
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
    ).encode()

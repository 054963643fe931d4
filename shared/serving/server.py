"""What the connections of one worker share: the app, the limits, and who is connected."""

import asyncio
import ssl
from collections import Counter
from typing import Any, Protocol

from shared.serving.connection import Connection
from shared.serving.messages import App
from shared.serving.options import Options

IDLE_BEFORE_CLOSE_SECONDS = 1.0
LOOK_SECONDS = 0.1


class Listener(Protocol):
    """A listening socket, as gunicorn hands it to a worker."""

    sock: Any


class Server:
    """Takes connections on some sockets and answers their requests by ``app``."""

    def __init__(self, app: App, options: Options, log: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.options = options
        self.log = log
        self.loop = loop
        self.state: dict[str, Any] = {}
        self.is_stopping = False  # every answer is the last on its connection
        self.requests = 0
        self.connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._listening: list[asyncio.Server] = []

    async def listen(self, sockets: list[Any], context: ssl.SSLContext | None, *, backlog: int) -> None:
        """Take connections, by TLS where there is a ``context`` and the port is no plain one.

        ``backlog`` of them may wait to be taken.
        """
        for sock in sockets:
            name = sock.getsockname()
            is_plain = not isinstance(name, str) and name[1] in self.options.plain_ports
            self._listening.append(
                await self.loop.create_server(
                    lambda: Connection(self),
                    sock=sock.sock,
                    ssl=None if is_plain else context,
                    backlog=backlog,
                )
            )

    def admit(self, connection: Connection, address: str) -> int | None:
        """Count a new connection; the status that it is refused with, if there are too many."""
        options = self.options
        if len(self.connections) >= options.most_connections:
            return 503
        most = options.most_connections_by_address
        if most and self._by_address[address] >= most:
            return 429
        self.connections.add(connection)
        self._by_address[address] += 1
        return None

    def dismiss(self, connection: Connection, address: str) -> None:
        """A connection that was admitted has ended."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def stop_listening(self) -> None:
        """Take no more connections; what is asked now is answered, and nothing after."""
        self.is_stopping = True
        for listening in self._listening:
            listening.close()

    async def finish(self, seconds: float) -> None:
        """Let those that are being answered end; streams of events are told to come again elsewhere."""
        ends_at = self.loop.time() + seconds
        while self.connections and self.loop.time() < ends_at:
            for connection in list(self.connections):
                connection.close_if_idle(IDLE_BEFORE_CLOSE_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)
        await self.abort()

    async def abort(self) -> None:
        """End what is left at once."""
        if self.connections:
            self.log.warning("Ending %d connections that did not finish", len(self.connections))
        tasks = [connection.abort() for connection in list(self.connections)]
        if running := [task for task in tasks if task is not None]:
            await asyncio.wait(running, timeout=1.0)

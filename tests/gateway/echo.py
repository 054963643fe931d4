"""An upstream for tests: raw sockets, so that it sees the bytes and can answer with any."""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

T = TypeVar("T")
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@dataclass
class Received:
    """One request as it arrived."""

    line: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""

    @property
    def method(self) -> str:
        return self.line.split(b" ")[0].decode()

    @property
    def target(self) -> str:
        return self.line.split(b" ")[1].decode("latin-1")

    def values(self, name: str) -> list[str]:
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == name.encode()]

    def value(self, name: str) -> str | None:
        values = self.values(name)
        assert len(values) < 2, (name, values)
        return values[0] if values else None

    def answer(self) -> bytes:
        """What was received, as a JSON answer."""
        body = orjson.dumps(
            {
                "method": self.method,
                "target": self.target,
                "headers": [[key.decode("latin-1"), value.decode("latin-1")] for key, value in self.headers],
                "length": len(self.body),
                "sha256": hashlib.sha256(self.body).hexdigest(),
            }
        )
        head = OK + b"content-length: %d\r\n\r\n" % len(body)
        return head if self.method == "HEAD" else head + body


Handler = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(request.answer())


@dataclass
class Upstream:
    """A server in a thread of its own; ``handlers[path]`` answers in the place of the echo."""

    port: int = 0
    requests: list[Received] = field(default_factory=list)
    handlers: dict[str, Handler] = field(default_factory=dict)
    connections: int = 0
    open_connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.target.partition("?")[0] == path]

    def start(self) -> None:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(5)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, awaited where the connections are."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def _run(self, started: threading.Event) -> None:
        asyncio.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stopping.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            while True:
                request = await _read_head(reader)
                if request is None:
                    break
                handler = self.handlers.get(request.target.partition("?")[0])
                if handler is None:
                    request.body = await _read_body(request, reader)
                if request.target != "/readyz":
                    self.requests.append(request)
                await (handler or echo)(request, reader, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open_connections -= 1
            writer.transport.abort()


async def _read_head(reader: asyncio.StreamReader) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head[:-4].split(b"\r\n")
    pairs = [line.partition(b":") for line in lines[1:]]
    return Received(lines[0], [(name, value.strip()) for name, _, value in pairs])


async def _read_body(request: Received, reader: asyncio.StreamReader) -> bytes:
    if request.value("transfer-encoding"):
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
            body += await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n"
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return body
    return await reader.readexactly(int(request.value("content-length") or 0))

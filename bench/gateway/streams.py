"""Idle event streams: what each costs in memory, and whether other requests notice them."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from bench.gateway import cost
from bench.gateway.contestants import Contestant
from bench.gateway.load import PATH

ASKING = 8
BATCH = 100
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
EVENT = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"


@dataclass(frozen=True)
class Found:
    """What was measured."""

    kib_each: float
    p99_without_ms: float
    p99_with_ms: float


@asynccontextmanager
async def streaming_upstream(port: int) -> AsyncIterator[None]:
    """A service that begins an event stream and then has nothing to say."""
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(EVENT if b"/stream" in head else ANSWER)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    yield
    server.close()
    for task in filter(None, serving):
        task.cancel()
    await asyncio.gather(*filter(None, serving))


async def measure(gateway: Contestant, headers: dict[str, str], *, streams: int, seconds: float) -> Found:
    """The gateway with and without ``streams`` idle streams."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def request(path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n{lines}\r\n".encode()

    await _percentile(gateway.port, request(PATH), 1.0)
    without = await _percentile(gateway.port, request(PATH), seconds)
    before = cost.resident_mib(gateway.pid)
    writers: list[asyncio.StreamWriter] = []
    for _ in range(streams // BATCH):
        begun = [_begin(gateway.port, request(f"{PATH}/stream")) for _ in range(BATCH)]
        writers += await asyncio.gather(*begun)
    each = (cost.resident_mib(gateway.pid) - before) * 1024 / len(writers)
    with_streams = await _percentile(gateway.port, request(PATH), seconds)
    for writer in writers:
        writer.close()
    return Found(each, without, with_streams)


async def _begin(port: int, request: bytes) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await reader.readuntil(b"data: 1\n\n")
    return writer


async def _percentile(port: int, request: bytes, seconds: float) -> float:
    """The 99th percentile, in milliseconds, of a few clients that ask every five."""

    async def ask() -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n{}")
            times.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(0.005)
        writer.close()
        return times

    found = await asyncio.gather(*(ask() for _ in range(ASKING)))
    return statistics.quantiles([one for times in found for one in times], n=100)[98]

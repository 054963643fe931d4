"""WebSocket messages a second, there and back, beside nginx, which passes the bytes on unread."""

import asyncio
import statistics
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from websockets.utils import accept_key

from bench.gateway import cost
from bench.gateway.contestants import Contestant

PATH = "/ws/bench"
ROUTE = """
[[routes]]
name = "bench-sockets"
prefix = "/ws"
upstream = "users"
websocket = true
"""
SOCKETS = 64
AHEAD = 1  # messages of each that are under way: several would go in one piece
SIZE = 64
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MASKED = struct.pack("!BB", 0x82, 0x80 | SIZE) + bytes(4) + b"x" * SIZE  # masked with zeros
PLAIN = struct.pack("!BB", 0x82, SIZE) + b"x" * SIZE


@dataclass(frozen=True)
class Found:
    """What was measured."""

    messages_a_second: float  # each went there and came back
    cpu_us: float  # processor time of the gateway for one of them


@asynccontextmanager
async def echoing_upstream(port: int) -> AsyncIterator[None]:
    """A service that answers every message with one of the same size, and health checks with 200."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = dict(line.partition(b": ")[::2] for line in head.lower().split(b"\r\n"))
                if b"sec-websocket-key" not in fields:
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                    continue
                at = head.lower().index(b"sec-websocket-key: ") + 19
                accept = accept_key(head[at : at + 24].decode())
                writer.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept.encode()
                )
                left = 0
                while data := await reader.read(65_536):
                    count, left = divmod(left + len(data), len(MASKED))
                    writer.write(PLAIN * count)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    yield
    server.close()


async def measure(gateway: Contestant, headers: dict[str, str], *, seconds: float) -> Found:
    """What ``gateway`` passes on in so many seconds."""
    wires = [await _open(gateway.port, headers) for _ in range(SOCKETS)]
    await _echo(wires, 0.5)
    used = cost.cpu_seconds(gateway.pid)
    began = time.monotonic()
    count = await _echo(wires, seconds)
    spent = time.monotonic() - began
    used = cost.cpu_seconds(gateway.pid) - used
    for _, writer in wires:
        writer.transport.abort()
    return Found(count / spent, used / count * 1e6)


def sentence(name: str, turns: list[Found]) -> str:
    """The medians."""
    rate = statistics.median(turn.messages_a_second for turn in turns)
    cpu_us = statistics.median(turn.cpu_us for turn in turns)
    return f"{name} {rate:,.0f}/s at {cpu_us:.0f} us of processor time"


Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _open(port: int, headers: dict[str, str]) -> Wire:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name != "Origin")
    writer.write(
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{lines}\r\n".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return reader, writer


async def _echo(wires: list[Wire], seconds: float) -> int:
    """Keep messages under way on every socket; how many came back."""
    end = time.monotonic() + seconds

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        writer.write(MASKED * AHEAD)
        received, sent, left = 0, AHEAD, 0
        while received < sent:
            count, left = divmod(left + len(await reader.read(65_536)), len(PLAIN))
            received += count
            if time.monotonic() < end:
                writer.write(MASKED * count)
                sent += count
        return received

    return sum(await asyncio.gather(*(talk(*wire) for wire in wires)))

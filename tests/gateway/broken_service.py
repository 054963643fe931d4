"""A service that breaks its answers in many ways, and a client that asks through the gateway."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.gateway.conftest import Gateway
from tests.gateway.echo import Handler, Received
from tests.gateway.wire import Response, Wire

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
most_outstanding = 8
[upstreams.away]
urls = ["http://127.0.0.1:9"]
[upstreams.nameless]
urls = ["http://no-such-name.invalid"]
[upstreams.two]
urls = ["${USERS_URL}", "http://127.0.0.1:9"]
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
max_body_bytes = 4000000
timeouts = { connect = 10, read = 30, total = 60 }
[[routes]]
name = "stubborn"
prefix = "/stubborn"
upstream = "u"
access = "public"
retries = 3
[[routes]]
name = "hasty"
prefix = "/hasty"
upstream = "u"
access = "public"
timeouts = { connect = 10, read = 1.5, total = 3 }
[[routes]]
name = "away"
prefix = "/away"
upstream = "away"
access = "public"
[[routes]]
name = "nameless"
prefix = "/nameless"
upstream = "nameless"
access = "public"
[[routes]]
name = "two"
prefix = "/two"
upstream = "two"
access = "public"
"""


def sending(data: bytes, *, then: str = "close") -> Handler:
    """An upstream that answers ``data`` and then closes, resets, hangs or keeps the connection."""

    async def handle(_request: Received, reader: Reader, writer: Writer) -> None:
        writer.write(data)
        await writer.drain()
        if then == "reset":
            await asyncio.sleep(0.05)  # so that what was sent arrives before the reset
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif then == "half-close":
            writer.write_eof()
            await reader.read()
        elif then == "hang":
            await reader.read()
        elif then == "close":
            writer.close()

    return handle


@asynccontextmanager
async def connected(gateway: Gateway) -> AsyncIterator[Wire]:
    wire = await Wire.connect(gateway.port)
    try:
        yield wire
    finally:
        wire.close()


async def ask(gateway: Gateway, path: str = "/x/y", method: str = "GET", body: bytes = b"") -> Response:
    async with connected(gateway) as wire:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        await wire.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n".encode() + body)
        return await wire.receive(method=method)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)

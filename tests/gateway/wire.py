"""A client on raw sockets: sends any bytes, reads exactly one response, counts what else comes."""

import asyncio
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


class Wire:
    """One connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int, *, address: str | None = None) -> Self:
        """Connect, from ``address`` if given: the loopback has many."""
        own = (address, 0) if address else None
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 22, local_addr=own))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, path: str, headers: dict[str, str] | None = None, *, method: str = "GET") -> Response:
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        await self.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode("latin-1"))
        return await self.receive(method=method)

    async def receive(self, *, method: str = "GET") -> Response:
        """The next response; IncompleteReadError where the connection ends before it is complete."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1")[:-4].split("\r\n")
        status = int(lines[0].split(" ")[1])
        if status < 200:
            return await self.receive(method=method)
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
        return Response(status, headers, await self._body(method, status, headers))

    async def _body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        if method == "HEAD" or status in {204, 304}:
            return b""
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int((await self.reader.readuntil(b"\r\n")).strip(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
            return body
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        return await self.reader.read()

    def close(self) -> None:
        self.writer.transport.abort()


async def hammer(
    port: int, path: str, headers: dict[str, str], *, times: int, method: str = "GET"
) -> list[Response]:
    """``times`` requests on one connection, taken up again where the server closes it."""
    responses: list[Response] = []
    wire = await Wire.connect(port)
    try:
        while len(responses) < times:
            responses.append(await wire.get(path, headers, method=method))
            if responses[-1].is_last:
                wire.close()
                wire = await Wire.connect(port)
    finally:
        wire.close()
    return responses

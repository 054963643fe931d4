"""The upstream where there is no nginx: answers every request with the same few bytes."""

import asyncio
import sys

import uvloop

from bench.gateway.contestants import DOCUMENT

HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
ANSWER = (HEAD.format(len(DOCUMENT)) + DOCUMENT).encode()


class Connection(asyncio.Protocol):
    """One connection; requests without a body only."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER * data.count(b"\r\n\r\n"))  # type: ignore[attr-defined]


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))

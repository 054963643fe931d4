"""WebSockets opened through a gateway: by the client of ``websockets``, and by raw bytes."""

from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.chassis.testing.tokens import bearer
from tests.gateway.conftest import Gateway

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def open_socket(gateway: Gateway, path: str, token: str | None = None, **options: Any) -> connect:
    fields = {**(bearer(token) if token else {}), **options.pop("fields", {})}
    return connect(f"ws://127.0.0.1:{gateway.port}{path}", additional_headers=fields, **options)


async def refusal_of(connecting: connect) -> tuple[int, Any]:
    """The status, and the code of the problem, that a handshake is answered with."""
    with pytest.raises(InvalidStatus) as refused:
        await connecting
    response = refused.value.response
    assert response.headers["connection"] == "close"
    is_problem = response.headers.get("content-type", "").startswith("application/problem")
    return response.status_code, orjson.loads(response.body or b"{}")["code"] if is_problem else response.body


async def end_of(socket: ClientConnection) -> tuple[int | None, str | None]:
    """How the other side closes the socket."""
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code, socket.close_reason


def handshake(
    path: str, more: str = "", *, key: str = f"Sec-WebSocket-Key: {KEY}\r\n", version: str = "13"
) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: {version}\r\n{key}{more}\r\n"
    ).encode()

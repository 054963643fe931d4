"""What is passed on of a WebSocket: messages and closes, both ways, with back-pressure."""

import asyncio
import json
from uuid import UUID

import pytest
from websockets.typing import Subprotocol

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import access_token
from tests.gateway.conftest import Gateway
from tests.gateway.socket_service import SocketService
from tests.gateway.sockets.opening import end_of, open_socket


async def test_messages_pass_both_ways_whole_and_in_order(sockets: Gateway, account_id: UUID) -> None:
    messages: list[str | bytes] = ["", "größer", b"", bytes(range(256)), "x" * 65_000, b"y" * 65_536]
    async with open_socket(sockets, "/ws/echo", access_token(account_id), max_size=None) as socket:
        for message in messages:
            await socket.send(message)
        received = [await socket.recv() for _ in messages]

    assert received == messages


async def test_a_service_is_told_who_calls_and_nothing_of_the_client_s_handshake(
    sockets: Gateway, account_id: UUID
) -> None:
    token = access_token(account_id)
    fields = {"X-User-Id": "forged", "X-Account": "forged", "Cookie": "own=1"}
    async with open_socket(
        sockets, "/ws/fields?a=b", token, fields=fields, subprotocols=[Subprotocol("chat"), Subprotocol("x")]
    ) as socket:
        received = json.loads(await socket.recv())
        assert socket.subprotocol == "chat"
        assert socket.request is not None
        assert socket.response is not None
        own_key = socket.request.headers["Sec-WebSocket-Key"]
        answer = socket.response.headers

    found = {name.lower(): value for name, value in received}
    assert len(found) == len(received)
    assert found["authorization"] == f"Bearer {token}"
    assert found["x-account"] == str(account_id)
    assert found["x-forwarded-for"] == "127.0.0.1"
    assert found["sec-websocket-protocol"] == "chat, x"
    assert found["sec-websocket-key"] != own_key
    assert found["cookie"] == "own=1"
    assert {"x-user-id", "sec-websocket-extensions", "x-request-deadline"} & found.keys() == set()
    assert found["x-request-id"] == answer["x-request-id"]
    assert "sec-websocket-extensions" not in answer


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013, 3000, 4999])
async def test_a_close_of_the_service_reaches_the_client(sockets: Gateway, code: int) -> None:
    async with open_socket(sockets, f"/public/close/{code}") as socket:
        assert await end_of(socket) == (code, "as asked")


@pytest.mark.parametrize("code", [1000, 4001])
async def test_a_close_of_the_client_reaches_the_service(
    sockets: Gateway, service: SocketService, code: int
) -> None:
    path = f"/ws/echo/{new_id()}"
    async with open_socket(sockets, path.replace("/ws", "/public")) as socket:
        await socket.close(code)

    await asyncio.to_thread(wait_until, lambda: (path, code) in service.closed, what="the close", seconds=30)


async def test_a_client_that_vanishes_goes_away_from_the_service(
    sockets: Gateway, service: SocketService
) -> None:
    path = f"/ws/echo/{new_id()}"
    async with open_socket(sockets, path.replace("/ws", "/public")) as socket:
        await socket.send("x")
        await socket.recv()
        socket.transport.abort()

    await asyncio.to_thread(wait_until, lambda: (path, 1001) in service.closed, what="the close", seconds=30)


async def test_a_service_that_breaks_off_is_an_internal_error_to_the_client(sockets: Gateway) -> None:
    async with open_socket(sockets, "/public/die") as socket:
        await socket.send("x")

        assert await end_of(socket) == (1011, "the service broke off")


async def test_a_client_that_does_not_read_makes_the_service_wait(
    sockets: Gateway, service: SocketService
) -> None:
    async with open_socket(sockets, "/public/flood", max_queue=1) as socket:
        sent = -1
        while service.sent != sent:  # until nothing moves any more
            sent = service.sent
            await asyncio.sleep(0.5)
        socket.transport.abort()

    assert 0 < sent < 64 * 1_048_576

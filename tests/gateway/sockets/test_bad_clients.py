"""Clients that break the rules of the handshake or of the frames: nothing of theirs is passed on."""

import struct

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.echo import Upstream
from tests.gateway.sockets.opening import KEY, end_of, handshake, open_socket
from tests.gateway.wire import Wire

SMUGGLED = b"GET /plain/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (handshake("/public/echo", key=""), 400, "handshake_invalid"),
        (handshake("/public/echo", key="Sec-WebSocket-Key: short\r\n"), 400, "handshake_invalid"),
        (handshake("/public/echo", f"Sec-WebSocket-Key: {KEY}\r\n"), 400, "field_repeated"),
        (handshake("/public/echo", version="8"), 426, "websocket_version_unknown"),
        (handshake("/public/echo", "Upgrade: h2c\r\n"), 400, "handshake_invalid"),
        (handshake("/public/echo", "Content-Length: 70\r\n"), 400, "handshake_invalid"),
        (
            handshake("/public/echo", "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n",
            400,
            "handshake_invalid",
        ),
        (handshake("/public/echo").replace(b"Connection: Upgrade\r\n", b""), 400, "handshake_invalid"),
        (handshake("/public/echo").replace(b"GET", b"POST"), 400, "handshake_invalid"),
        (handshake("/plain/x", key=""), 501, "upgrade_not_supported"),
        (handshake("/ws/echo"), 401, "token_missing"),
        (handshake("/limited/../public"), 501, "upgrade_not_supported"),
        (handshake("/public/echo", "Authorization: a\r\nAuthorization: b\r\n"), 400, "field_repeated"),
    ],
)
async def test_behind_a_refused_handshake_nothing_is_read(
    sockets: Gateway, upstream: Upstream, request_bytes: bytes, status: int, code: str
) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(request_bytes + SMUGGLED)

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, orjson.loads(answer.body)["code"]) == (status, code)
    assert (answer.is_last, rest) == (True, b"")
    assert upstream.at("/plain/smuggled") == []


async def test_a_message_that_is_too_long_for_its_route_ends_the_socket(sockets: Gateway) -> None:
    async with open_socket(sockets, "/public/echo") as socket:
        await socket.send(b"x" * 1000)
        await socket.recv()
        await socket.send(b"x" * 1001)

        assert (await end_of(socket))[0] == 1009


async def test_an_unmasked_frame_ends_the_socket_and_is_not_passed_on(sockets: Gateway) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(handshake("/public/echo"))
    await wire.reader.readuntil(b"\r\n\r\n")
    await wire.send(b"\x81\x05hello")

    rest = await wire.reader.read()
    wire.close()

    assert rest[:1] + rest[2:4] == b"\x88" + struct.pack("!H", 1002)

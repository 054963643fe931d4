"""Services that refuse a handshake, answer it wrongly, late or not at all, or break the rules after it."""

import asyncio
import struct

import pytest
from websockets.exceptions import InvalidStatus

from shared.chassis.testing.engines import wait_until
from tests.gateway.conftest import Gateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.socket_service import accepting
from tests.gateway.sockets.opening import end_of, handshake, open_socket, refusal_of
from tests.gateway.wire import Wire

SMUGGLED = b"GET /plain/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_service_that_answers_by_http_is_passed_on(
    sockets: Gateway, upstream: Upstream, status: int
) -> None:
    wire = await Wire.connect(sockets.port)
    await wire.send(handshake(f"/public/refuse/{status}") + SMUGGLED)

    answer = await wire.receive()
    rest = await wire.reader.read()
    wire.close()

    assert (answer.status, answer.body, answer.is_last, rest) == (status, b"not here\n", True, b"")
    assert upstream.at("/plain/smuggled") == []


BROKEN = {
    "a wrong accept": (lambda request: accepting(request, accept="x" * 28), "http_protocol_error"),
    "an extension": (
        lambda request: accepting(request, "Sec-WebSocket-Extensions: permessage-deflate"),
        "http_protocol_error",
    ),
    "a subprotocol": (
        lambda request: accepting(request, "Sec-WebSocket-Protocol: own"),
        "http_protocol_error",
    ),
    "another protocol": (
        lambda request: accepting(request).replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        "http_protocol_error",
    ),
    "nothing": (lambda _request: b"", "connection_terminated"),
    "no HTTP": (lambda _request: b"hello\r\n\r\n", "http_protocol_error"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_service_that_breaks_the_handshake_is_a_bad_gateway(
    sockets: Gateway, upstream: Upstream, name: str
) -> None:
    answer, fault = BROKEN[name]

    async def break_it(
        request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(answer(request))
        await writer.drain()
        writer.close()

    upstream.handlers["/raw/x"] = break_it
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(sockets, "/raw/x")

    response = refused.value.response
    assert response.status_code == 502
    assert response.headers["proxy-status"] == f"doorward; error={fault}"


async def test_a_service_that_lets_a_handshake_wait_is_too_late(sockets: Gateway, upstream: Upstream) -> None:
    async def wait(_request: Received, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    upstream.handlers["/raw/wait"] = wait

    assert await refusal_of(open_socket(sockets, "/raw/wait", open_timeout=60)) == (504, "gateway_timeout")


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (b"\x81\x85\0\0\0\0hello", 1002),  # masked
        (b"\x81\x02\xff\xfe", 1007),
        (b"\xc1\x01x", 1002),
        (b"\x82\x7f" + struct.pack("!Q", 2**40), 1009),
    ],
)
async def test_a_service_that_breaks_the_rules_is_told_so_and_left(
    sockets: Gateway, upstream: Upstream, frames: bytes, code: int
) -> None:
    told: list[bytes] = []

    async def speak(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accepting(request) + b"\x81\x02hi" + frames)  # all at once with the 101
        told.append(await reader.readexactly(8))
        writer.close()

    upstream.handlers["/raw/speak"] = speak
    async with open_socket(sockets, "/raw/speak") as socket:
        assert await socket.recv() == "hi"
        assert await end_of(socket) == (1011, "the service broke off")
    await asyncio.to_thread(wait_until, lambda: told, what="the close", seconds=30)
    frame, mask = told[0], told[0][2:6]
    assert frame[0] == 0x88
    assert struct.unpack("!H", bytes(a ^ b for a, b in zip(frame[6:], mask, strict=False))) == (code,)

"""Exchanges that end before they are complete: nobody else waits for them, and nothing is left of them."""

import asyncio
import time

import pytest

from tests.gateway.broken_service import ROUTES, Reader, Writer, ask, connected, sending, until
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import OK, Received, Upstream
from tests.gateway.wire import Wire


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway(routes=ROUTES)


async def test_a_service_that_hangs_takes_no_other_with_it(gateway: Gateway, upstream: Upstream) -> None:
    upstream.handlers["/hasty/hang"] = sending(b"", then="hang")
    hanging = [asyncio.create_task(ask(gateway, "/hasty/hang")) for _ in range(8)]
    await until(lambda: len(upstream.at("/hasty/hang")) == 8)

    refused = await ask(gateway)
    still_hanging = [not one.done() for one in hanging]
    answers = await asyncio.gather(*hanging)

    assert (refused.status, refused.headers["proxy-status"]) == (
        503,
        "doorward; error=connection_limit_reached",
    )
    assert all(still_hanging)
    assert {answer.status for answer in answers} == {504}
    assert (await ask(gateway)).status == 200


async def test_the_whole_of_a_slow_answer_has_a_time_limit(gateway: Gateway, upstream: Upstream) -> None:
    async def trickle(_request: Received, _reader: Reader, writer: Writer) -> None:
        writer.write(OK + b"content-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    upstream.handlers["/hasty/y"] = trickle
    began = time.monotonic()

    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await ask(gateway, "/hasty/y")

    assert time.monotonic() - began > 1


async def test_a_client_that_leaves_takes_its_request_with_it_and_is_no_fault(
    gateway: Gateway, upstream: Upstream
) -> None:
    ended = 0

    async def wait(_request: Received, reader: Reader, _writer: Writer) -> None:
        nonlocal ended
        await reader.read()
        ended += 1

    upstream.handlers["/x/y"] = wait
    for _ in range(30):
        wire = await Wire.connect(gateway.port)
        await wire.send(b"GET /x/y HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(0.01)
        wire.close()

    await until(lambda: ended == len(upstream.at("/x/y")))
    assert (await ask(gateway, "/x/other")).status == 200
    await until(lambda: '"status":499' in gateway.lines())


async def test_no_connection_is_left_behind(gateway: Gateway, upstream: Upstream) -> None:
    upstream.handlers["/x/reset"] = sending(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", then="reset")
    upstream.handlers["/hasty/hang"] = sending(b"", then="hang")

    await asyncio.gather(
        *(ask(gateway, path) for path in ["/x/reset", "/hasty/hang"] * 3), return_exceptions=True
    )
    await asyncio.gather(*(ask(gateway) for _ in range(4)))

    await until(lambda: upstream.open_connections <= 8)


async def test_an_early_refusal_of_a_large_body_is_passed_on(gateway: Gateway, upstream: Upstream) -> None:
    async def refuse(_request: Received, _reader: Reader, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 409 Conflict\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
        await writer.drain()
        writer.close()

    upstream.handlers["/x/y"] = refuse
    async with connected(gateway) as wire:
        await wire.send(
            b"POST /x/y HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1_100_000
        )
        answer = await wire.receive()

    assert (answer.status, answer.body) == (409, b"no")
    assert answer.is_last

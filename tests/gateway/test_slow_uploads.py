"""Bodies that arrive slowly: no service hears of them before they are here, and none is blamed for them."""

import asyncio
from pathlib import Path
from time import monotonic

import orjson
import pytest

from gateway import errors, held_bodies, request_body
from gateway.held_bodies import HeldBodies
from gateway.messages import ClientGone, Message
from gateway.upstream.breaker import LEAST_SAMPLE
from tests.gateway import echo, slow_uploads
from tests.gateway.conftest import StartGateway
from tests.gateway.echo import Received
from tests.gateway.wire import Wire, hammer

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
most_outstanding = 200
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
max_body_bytes = 4000000
[[routes]]
name = "brief"
prefix = "/brief"
upstream = "u"
access = "public"
max_body_bytes = 4000000
timeouts = { total = 1 }
"""


async def test_a_service_hears_of_no_body_that_does_not_arrive(
    start_gateway: StartGateway, upstream: echo.Upstream
) -> None:
    gateway = start_gateway(routes=ROUTES)
    wires = [await Wire.connect(gateway.port) for _ in range(250)]
    for wire in wires:
        await wire.send(b"POST /x/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\nabc")
    almost = b"POST /x/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 999_999
    wires.append(await Wire.connect(gateway.port))
    await wires[-1].send(almost)
    heard_before = len(upstream.at("/x/slow"))

    wire = await Wire.connect(gateway.port)
    ordinary = await wire.get("/x/ordinary")
    await wires[0].send(b"x" * 49_997)
    complete = await wires[0].receive()
    for one in (wire, *wires):
        one.close()

    assert heard_before == 0
    assert ordinary.status == 200
    assert (complete.status, len(upstream.at("/x/slow"))) == (200, 1)
    assert orjson.loads(complete.body)["length"] == 50_000


async def test_a_large_body_is_passed_on_before_it_is_complete(
    start_gateway: StartGateway, upstream: echo.Upstream
) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def take(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1_048_576)
        loop.call_soon_threadsafe(seen.set)
        await reader.readexactly(2_000_000 - 1_048_576)
        writer.write(request.answer())

    upstream.handlers["/x/large"] = take
    gateway = start_gateway(routes=ROUTES)
    wire = await Wire.connect(gateway.port)
    await wire.send(b"POST /x/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n")

    await wire.send(b"x" * 1_100_000)
    async with asyncio.timeout(10):
        await seen.wait()
    await wire.send(b"x" * 900_000)
    answer = await wire.receive()
    wire.close()

    assert answer.status == 200


async def test_a_body_that_drips_is_given_up_though_it_never_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_body, "PATIENCE_SECONDS", 0.3)

    async def drip() -> dict[str, object]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    body = request_body.body_of([(b"content-length", b"1000")], drip, 1000)

    with pytest.raises(errors.RequestTimeout):
        await body.hold(monotonic() + 60)


async def test_slow_uploads_leave_a_service_with_eight_threads_to_the_others(
    redis_url: str, tmp_path: Path
) -> None:
    with slow_uploads.started(redis_url, tmp_path) as gateway:
        found = await slow_uploads.play(gateway, seconds=1)

    assert slow_uploads.mistakes(found) == []


async def test_a_slow_upload_is_a_408_and_never_a_failure_of_the_service(
    start_gateway: StartGateway, upstream: echo.Upstream
) -> None:
    async def take(_request: Received, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(-1)

    upstream.handlers["/brief/y"] = take
    gateway = start_gateway(routes=ROUTES)
    wires = [await Wire.connect(gateway.port) for _ in range(LEAST_SAMPLE + 2)]

    for number, wire in enumerate(wires):
        held = b"x" * (1_100_000 if number % 2 else 1_000)
        await wire.send(
            b"POST /brief/y HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" + held
        )
    answers = [await wire.receive() for wire in wires]
    ordinary = await hammer(gateway.port, "/brief/ordinary", {}, times=3)
    for wire in wires:
        wire.close()

    assert {answer.status for answer in answers} == {408}
    assert len(upstream.at("/brief/y")) == len(wires) // 2
    assert {answer.status for answer in ordinary} == {200}


def test_the_memory_for_bodies_is_bounded_in_all_and_for_each_address() -> None:
    bodies = HeldBodies()

    with pytest.raises(errors.BodiesFull):
        bodies.take("a", held_bodies.MOST_BYTES_OF_ADDRESS + 1)
    for address in "abcd":
        bodies.take(address, held_bodies.MOST_BYTES_OF_ADDRESS)
    with pytest.raises(errors.BodiesFull):
        bodies.take("e", 1)
    bodies.give_back("a", held_bodies.MOST_BYTES_OF_ADDRESS)
    bodies.take("e", 1)
    for address in "bcd":
        bodies.give_back(address, held_bodies.MOST_BYTES_OF_ADDRESS)
    bodies.give_back("e", 1)

    assert bodies.size == 0


async def test_a_body_that_does_not_arrive_gives_its_memory_back() -> None:
    messages = iter(
        [{"type": "http.request", "body": b"x" * 1000, "more_body": True}, {"type": "http.disconnect"}]
    )

    async def leave() -> Message:
        return dict(next(messages))

    body = request_body.body_of([(b"content-length", b"5000")], leave, 5000, "203.0.113.9")

    with pytest.raises(ClientGone):
        await body.hold(monotonic() + 60)

    assert held_bodies.of_worker.size == 0

"""The server under way: stopped, reloaded, full of idle streams, carrying a gigabyte. Nobody is dropped."""

# ruff: noqa: ASYNC110, ASYNC240

import asyncio
import hashlib
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.gateway.conftest import StartGateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.wire import Wire, hammer

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
most_outstanding = 20000
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
max_body_bytes = 2000000000
timeouts = { read = 60, total = 600 }
"""
MIB = 1_048_576


def resident_kib(pid: int) -> int:
    match = re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert match is not None
    return int(match[1])


async def keep_asking(
    port: int, path: str, stop: asyncio.Event, times: list[float], no_more: asyncio.Event | None = None
) -> list[str]:
    """Ask all the time on a kept connection; what failed. After ``no_more`` no new connection is made."""
    failed = []
    wire: Wire | None = None
    while not stop.is_set():
        began = time.monotonic()
        if wire is None and no_more is not None and no_more.is_set():
            break
        wire = wire or await Wire.connect(port)
        try:
            answer = await wire.get(path)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            failed.append(repr(error))
            wire = None
            continue
        times.append(time.monotonic() - began)
        if answer.status != 200:
            failed.append(str(answer.status))
        if answer.is_last:
            wire.close()
            wire = None
        await asyncio.sleep(0.005)
    if wire is not None:
        wire.close()
    return failed


async def until(condition: Callable[[], bool]) -> None:
    """Return once ``condition`` holds; a loaded machine may take its time."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.05)


async def test_a_stop_under_load_fails_no_request(start_gateway: StartGateway, upstream: Upstream) -> None:
    async def slow(request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(request.answer())

    upstream.handlers["/x/slow"] = slow
    drain = asyncio.Event()
    gateway = start_gateway(routes=ROUTES, GATEWAY_WORKERS="2", GATEWAY_DRAIN_SECONDS="5")
    stop, times = asyncio.Event(), list[float]()
    asking = [
        asyncio.create_task(keep_asking(gateway.port, "/x/slow", stop, times, drain)) for _ in range(40)
    ]
    await until(lambda: len(times) > 200)

    gateway.signal(signal.SIGTERM)
    wire = await Wire.connect(gateway.port)
    while b'"accepting":"fail"' not in (ready := await wire.get("/readyz")).body:
        await asyncio.sleep(0.05)
    drain.set()  # what a balancer does that sees this: existing connections only
    wire.close()
    failed = [failure for one in await asyncio.gather(*asking) for failure in one]

    assert ready.status == 503
    assert failed == []
    assert await asyncio.to_thread(gateway.process.wait, 60) == 0


async def test_a_reload_takes_the_new_table_and_drops_no_request(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    gateway = start_gateway(routes=ROUTES, GATEWAY_WORKERS="2")
    path = Path(gateway.settings["GATEWAY_ROUTES_FILE"])
    stop, times = asyncio.Event(), list[float]()
    asking = [asyncio.create_task(keep_asking(gateway.port, "/x/y", stop, times)) for _ in range(20)]
    before = set(gateway.worker_pids())
    await until(lambda: len(times) > 100)

    path.write_text(
        "standalone = true\n"
        + ROUTES
        + '[[routes]]\nname = "new"\nprefix = "/new"\nupstream = "u"\naccess = "public"\n'
    )
    gateway.signal(signal.SIGHUP)
    await until(lambda: not before & set(gateway.worker_pids()))  # the workers of before have gone
    answers = await hammer(gateway.port, "/new/x", {}, times=3)
    stop.set()
    failed = [failure for one in await asyncio.gather(*asking) for failure in one]

    assert {answer.status for answer in answers} == {200}
    assert failed == []


async def test_a_bad_file_leaves_the_running_table_in_place(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=ROUTES)
    path = Path(gateway.settings["GATEWAY_ROUTES_FILE"])
    before = gateway.worker_pids()

    path.write_text(ROUTES.replace('upstream = "u"', 'upstream = "nobody"') + "bogus = 1\n")
    gateway.signal(signal.SIGHUP)
    await until(lambda: not set(before) & set(gateway.worker_pids()))
    wire = await Wire.connect(gateway.port)
    answer = await wire.get("/x/y")
    wire.close()

    assert answer.status == 200
    assert "routes_not_taken" in gateway.lines()
    assert "bogus" in gateway.lines()


async def test_a_worker_that_dies_is_replaced_with_the_same_table(start_gateway: StartGateway) -> None:
    gateway = start_gateway(routes=ROUTES)
    Path(gateway.settings["GATEWAY_ROUTES_FILE"]).write_text("nonsense")
    (worker,) = gateway.worker_pids()

    os.kill(worker, signal.SIGKILL)
    await until(lambda: gateway.worker_pids() not in ([], [worker]))
    wire = await Wire.connect(gateway.port)
    answer = await wire.get("/x/y")
    wire.close()

    assert answer.status == 200


async def test_a_gigabyte_passes_in_both_directions_in_little_memory(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    size, piece = 1024 * MIB, bytes(range(256)) * 256
    seen = hashlib.sha256()
    arrived = 0

    async def take(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        left = int(request.value("content-length") or 0)
        while left:
            data = await reader.read(min(left, MIB))
            seen.update(data)
            left -= len(data)
            arrived += len(data)
        writer.write(request.answer())

    async def give(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()

    upstream.handlers["/x/up"], upstream.handlers["/x/down"] = take, give
    gateway = start_gateway(routes=ROUTES)
    (worker,) = gateway.worker_pids()
    expected = hashlib.sha256()
    before = highest = resident_kib(worker)
    wire = await Wire.connect(gateway.port)

    await wire.send(b"POST /x/up HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size)
    for number in range(size // len(piece)):
        expected.update(piece)
        await wire.send(piece)
        highest = max(highest, resident_kib(worker)) if number % 256 == 0 else highest
    uploaded = await wire.receive()
    await wire.send(b"GET /x/down HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await wire.reader.readuntil(b"\r\n\r\n")
    received, left = hashlib.sha256(), size
    while left:
        data = await wire.reader.read(min(left, MIB))
        received.update(data)
        left -= len(data)
        highest = max(highest, resident_kib(worker)) if left % (16 * MIB) < len(data) else highest
    wire.close()

    assert uploaded.status == 200
    assert arrived == size
    assert seen.digest() == expected.digest() == received.digest()
    assert highest - before < 64 * 1024


async def test_a_slow_reader_slows_the_service_down_and_fills_no_memory(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    written = 0

    async def give(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (512 * MIB))
        while written < 512 * MIB:
            writer.write(b"x" * 65_536)
            await writer.drain()
            written += 65_536

    upstream.handlers["/x/down"] = give
    gateway = start_gateway(routes=ROUTES)
    wire = await Wire.connect(gateway.port)
    await wire.send(b"GET /x/down HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wire.writer.transport.pause_reading()
    await asyncio.sleep(1.5)
    wire.close()

    assert written < 64 * MIB


@pytest.mark.system
async def test_thousands_of_idle_streams_cost_little_and_keep_nobody_from_being_answered(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    streams = 5_000

    async def stream(_request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n")
        await reader.read()

    upstream.handlers["/x/stream"] = stream
    gateway = start_gateway(routes=ROUTES, GATEWAY_MOST_CONNECTIONS_BY_ADDRESS="0")
    (worker,) = gateway.worker_pids()
    await hammer(gateway.port, "/x/y", {}, times=100)  # what is there once is not counted to the streams
    before = resident_kib(worker)
    wires = []
    for _ in range(streams // 100):
        batch = await asyncio.gather(*(Wire.connect(gateway.port) for _ in range(100)))
        for wire in batch:
            await wire.send(b"GET /x/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for wire in batch:
            await wire.reader.readuntil(b"data: 1\n\n")
        wires += batch

    each_kib = (resident_kib(worker) - before) / streams
    answers = await hammer(gateway.port, "/x/y", {}, times=100)
    for wire in wires:
        wire.close()

    assert each_kib < 40
    assert {answer.status for answer in answers} == {200}

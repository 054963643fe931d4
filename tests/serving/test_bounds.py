"""What one client can take of a worker: time, memory, connections."""

import asyncio
import contextlib
import os
import signal
import socket

import pytest

from tests.gateway.wire import Wire
from tests.serving.conftest import Serve, Served

MIB = 1_024  # KiB


async def status_of(wire: Wire) -> int:
    async with asyncio.timeout(30):
        return (await wire.receive()).status


async def test_a_client_that_pipelines_and_never_reads_costs_little(serve: Serve) -> None:
    served = serve()
    request = b"GET /whole/20000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    ordinary = await served.connect()
    for _ in range(200):
        await ordinary.get("/whole/20000")
    before = served.resident_kib()

    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1)
    writer.transport.set_write_buffer_limits(high=1)
    sending = asyncio.create_task(_send(writer, request, times=20_000))
    highest = before
    for _ in range(100):
        assert await _status(ordinary) == 200
        highest = max(highest, served.resident_kib())
        await asyncio.sleep(0.01)
    sending.cancel()
    writer.transport.abort()
    ordinary.close()

    assert highest - before < 2 * MIB
    assert reader is not None


async def _send(writer: asyncio.StreamWriter, request: bytes, *, times: int) -> None:
    for _ in range(times // 100):
        writer.write(request * 100)
        await writer.drain()


async def _status(wire: Wire) -> int:
    return (await wire.get("/size/10")).status


PARTS = [
    b"",
    b"GET / HTTP/1.1\r\nHost: ",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
]


async def test_what_does_not_come_in_time_is_given_up(serve: Serve) -> None:
    served = serve(head_seconds=0.3, body_seconds=0.3)
    for part in PARTS:
        wire = await served.connect()
        await wire.send(part)

        status = await status_of(wire)
        rest = await wire.reader.read()
        wire.close()

        assert (status, rest) == (408, b""), part


async def test_a_body_that_drips_is_given_up_and_one_that_flows_is_not(serve: Serve) -> None:
    served = serve(body_seconds=0.5, body_bytes_a_second=2_000)
    dripping, flowing = await served.connect(), await served.connect()
    for wire in (dripping, flowing):
        await wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n")

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(20):
                await dripping.send(b"x")
                await asyncio.sleep(0.1)

    dripped = asyncio.create_task(drip())
    for _ in range(20):
        await flowing.send(b"x" * 1_000)
        await asyncio.sleep(0.06)
    statuses = await status_of(dripping), await status_of(flowing)
    await dripped
    for wire in (dripping, flowing):
        wire.close()

    assert statuses == (408, 200)


async def test_a_kept_connection_is_not_kept_for_ever(serve: Serve) -> None:
    served = serve(keep_alive_seconds=0.3)
    wire = await served.connect()
    await wire.get("/")

    async with asyncio.timeout(30):
        rest = await wire.reader.read()
    wire.close()

    assert rest == b""


async def test_an_answer_that_nobody_reads_is_given_up(serve: Serve) -> None:
    served = serve(taking_seconds=0.3)
    wire = await served.connect()
    wire.writer.transport.pause_reading()
    await wire.send(b"GET /size/100000000 HTTP/1.1\r\nHost: x\r\n\r\n")

    await asyncio.sleep(1)
    ordinary = await served.connect()
    answer = await ordinary.get("/size/10")
    ordinary.close()
    wire.writer.transport.resume_reading()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.receive()
    wire.close()

    assert answer.status == 200


async def test_connections_beyond_the_limit_are_told_so(serve: Serve) -> None:
    in_all, by_address = serve(most_connections=2), serve(most_connections_by_address=2)
    for served, status in ((in_all, 503), (by_address, 429)):
        held = [await served.connect() for _ in range(2)]
        for wire in held:
            await wire.get("/")
        third = await served.connect()

        assert await status_of(third) == status

        for wire in (*held, third):
            wire.close()
        await _until_admitted(served.port)


async def _until_admitted(port: int) -> None:
    """Who leaves makes room."""
    async with asyncio.timeout(30):
        while True:
            wire = await Wire.connect(port)
            try:
                if (await wire.get("/")).status == 200:
                    return
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                wire.close()


async def test_a_body_that_the_app_does_not_take_waits_at_the_client(serve: Serve) -> None:
    served = serve()
    await (wire := await served.connect()).get("/")
    before = served.resident_kib()
    await wire.send(b"POST /wait?2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
    await asyncio.to_thread(served.wait_for_line, "asked /wait")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await _send(wire.writer, b"x" * 10_000, times=10_000)
    grown = served.resident_kib() - before
    wire.close()

    assert grown < 2 * MIB


def test_a_crowd_waits_in_the_queue_while_the_worker_is_busy(served: Served) -> None:
    os.kill(served.worker, signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as crowd:
            for _ in range(150):  # asyncio's own queue takes a hundred
                crowd.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
    finally:
        os.kill(served.worker, signal.SIGCONT)

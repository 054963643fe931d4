"""The start and the end of a worker: who fails to start ends the server, who is told to stop ends in time."""

import asyncio
import signal
import time

import pytest

from tests.gateway.wire import Wire
from tests.serving.conftest import ECHO, Serve


async def wait_for_end(served: object, seconds: float) -> int:
    process = served.process  # type: ignore[attr-defined]
    return int(await asyncio.to_thread(process.wait, seconds))


@pytest.mark.parametrize(
    "reply", ['{"type": "lifespan.startup.failed", "message": "no database"}', '{"type": "nonsense"}']
)
async def test_a_start_that_fails_ends_the_server(serve: Serve, reply: str) -> None:
    source = ECHO.replace('await send({"type": message["type"] + ".complete"})', f"await send({reply})")

    served = serve(source=source, is_awaited=False)

    assert await wait_for_end(served, 30) != 0
    assert "StartFailed" in served.lines()


async def test_an_app_without_a_lifespan_is_served(serve: Serve) -> None:
    source = ECHO.replace("await self.live(receive, send)", 'print("lifespan.startup", flush=True); 1 / 0')
    served = serve(source=source)
    wire = await served.connect()

    answer = await wire.get("/")
    wire.close()

    assert answer.status == 200


async def test_streams_of_events_are_told_to_come_again(serve: Serve) -> None:
    served = serve("--graceful-timeout", "30")
    wire = await served.connect()
    await wire.send(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.reader.readuntil(b"data: 1\n\n\r\n")

    began = time.monotonic()
    served.signal(signal.SIGTERM)
    rest = await wire.reader.read()
    code = await wait_for_end(served, 30)

    assert (rest, code) == (b"0\r\n\r\n", 0)  # a whole body: an EventSource comes again
    assert "ended /events" in served.lines()
    assert "lifespan.shutdown" in served.lines()
    assert time.monotonic() - began < 15
    wire.close()


async def test_what_does_not_end_is_ended_in_time_for_the_app_to_shut_down(serve: Serve) -> None:
    served = serve("--graceful-timeout", "6")
    wire = await served.connect()
    await wire.send(b"GET /download HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.reader.readuntil(b"half\r\n")

    served.signal(signal.SIGTERM)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.reader.readuntil(b"0\r\n\r\n")  # broken off, and not complete

    assert await wait_for_end(served, 30) == 0
    assert "lifespan.shutdown" in served.lines()
    wire.close()


async def test_a_request_under_way_is_answered_and_is_the_last(serve: Serve) -> None:
    served = serve()
    wire = await served.connect()
    await wire.send(b"GET /wait?1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.to_thread(served.wait_for_line, "asked /wait")

    served.signal(signal.SIGTERM)
    answer = await wire.receive()

    assert (answer.status, answer.is_last) == (200, True)
    assert await wait_for_end(served, 30) == 0
    wire.close()


async def test_an_idle_connection_does_not_keep_the_server(serve: Serve) -> None:
    served = serve()
    wire = await served.connect()
    await wire.get("/")

    served.signal(signal.SIGTERM)

    assert await wire.reader.read() == b""
    assert await wait_for_end(served, 30) == 0
    wire.close()


async def test_a_hurried_stop_waits_for_nobody(serve: Serve) -> None:
    served = serve("--graceful-timeout", "60")
    wire = await served.connect()
    await wire.send(b"GET /download HTTP/1.1\r\nHost: x\r\n\r\n")
    await wire.reader.readuntil(b"half\r\n")

    served.signal(signal.SIGINT)

    assert await wait_for_end(served, 20) == 0
    wire.close()


async def test_a_worker_that_has_served_enough_is_replaced(serve: Serve) -> None:
    served = serve("--max-requests", "5")
    first = served.worker
    async with asyncio.timeout(60):
        while True:
            wire = await Wire.connect(served.port)
            answer = await wire.get("/")
            wire.close()
            assert answer.status == 200
            if served.workers() not in ([], [first]):
                break
            await asyncio.sleep(0.05)

"""What active probes lead to: nobody is trusted unasked, and who is back is tried at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from gateway import headers
from gateway.upstream import faults
from gateway.upstream.breaker import LEAST_SAMPLE
from gateway.upstream.framing import parse_head
from gateway.upstream.health import clock_ahead, look
from gateway.upstream.replicas import Service
from gateway.upstream.table import Upstream, WeightedUrl
from shared.chassis.testing.engines import free_port


@asynccontextmanager
async def answering(port: int) -> AsyncIterator[None]:
    """A service that says that it is ready."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", port):
        yield


def service_at(port: int) -> Service:
    return Service(Upstream(name="u", urls=(WeightedUrl(url=f"http://127.0.0.1:{port}"),)))


def refuses(service: Service) -> bool:
    """Whether nothing is tried at all."""
    try:
        service.choose()
    except faults.AllOpen:
        return True
    return False


async def test_a_replica_is_trusted_once_it_was_asked() -> None:
    service = service_at(port := free_port())
    await service.resolve()
    (replica,) = service.replicas
    assert not replica.is_healthy

    async with answering(port):
        await look(service)

    assert replica.is_healthy


async def test_only_who_was_there_comes_back_or_goes_away() -> None:
    service = service_at(port := free_port())

    with capture_logs() as lines:
        await look(service)
        for _ in range(2):
            async with answering(port):
                await look(service)
            await look(service)

    assert [line["event"] for line in lines] == [
        "replica_not_there_yet",
        "replica_came_up",
        "replica_went_away",
        "replica_came_back",
        "replica_went_away",
    ]


async def test_a_service_that_is_back_is_tried_at_once_with_one_request() -> None:
    service = service_at(port := free_port())
    await look(service)
    (replica,) = service.replicas
    for _ in range(LEAST_SAMPLE):
        replica.breaker.fail()
    assert refuses(service)

    async with answering(port):
        await look(service)

    assert not refuses(service)
    replica.breaker.begin()
    assert refuses(service)


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        (b"Thu, 01 Jan 1970 00:16:40 GMT", 0),
        (b"Thu, 01 Jan 1970 00:16:38 GMT", 0),
        (b"Thu, 01 Jan 1970 00:17:40 GMT", 60),
        (b"Thu, 01 Jan 1970 00:15:40 GMT", -60),
        (b"yesterday", 0),
        (b"Mon, 01 Jan 99999 00:00:00 GMT", 0),
        (b"Mon, 01 Jan 99999 00:00:00", 0),
        (b"Mon, 01 Jan " + b"9" * 5000 + b" 00:00:00 GMT", 0),
        (b"", 0),
    ],
)
def test_a_clock_that_is_set_otherwise_is_noticed(date: bytes, seconds: int) -> None:
    head = parse_head(b"HTTP/1.1 200 OK" + (b"\r\nDate: " + date if date else b""))

    assert clock_ahead(head, 1_000.0) == seconds


def test_a_deadline_is_told_by_the_clock_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "time", lambda: 1_000.0)

    assert headers.deadline_line(5.0, 60.0) == b"x-request-deadline: 1065.000\r\n"

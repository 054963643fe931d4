"""The limiter's way to Redis, where servers hang, come back, or answer late."""

# ruff: noqa: ASYNC110

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from gateway.exchange import Exchange
from gateway.limits.limiter import RouteLimiter
from gateway.limits.redis_link import RedisLink
from gateway.policies.limits import Limit
from shared.chassis import tracing


class Server:
    """Answers scripts by ``answer``, all else by ``+OK``, on the connections numbered in ``answering``."""

    def __init__(self) -> None:
        self.answering: set[int] = set()
        self.keys: list[str] = []  # of the scripts that were to run
        self.delay_seconds = 0.0
        self.answer = b"+OK\r\n"
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"redis://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/0"

    async def stop(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        self.connections += 1
        self._writers.append(writer)
        try:
            while line := await reader.readline():
                parts = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    parts.append((await reader.readexactly(size + 2))[:-2])
                self.keys += [part.decode() for part in parts[3:4]]
                while number not in self.answering:
                    await asyncio.sleep(0.005)
                if parts[0] == b"EVALSHA":
                    await asyncio.sleep(self.delay_seconds)
                    writer.write(self.answer)
                else:
                    writer.write(b"+OK\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    yield server
    await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def hang(server: Server, link: RedisLink) -> None:
    """Let the present connection stop answering, and the link notice."""
    server.answering.clear()
    with pytest.raises(Exception, match="late"):
        await link.call("EVALSHA")
    assert not link.is_up


async def linked(server: Server) -> RedisLink:
    server.answering.add(0)
    link = RedisLink(await server.start(), timeout_seconds=0.05, scripts=("return 1",))
    await link.start()
    await until(lambda: link.is_up)
    return link


async def test_another_connection_is_tried_beside_one_that_hangs(server: Server) -> None:
    link = await linked(server)
    await hang(server, link)
    await until(lambda: server.connections >= 3)  # the first of them hangs too: a proxy accepted it

    server.answering = {server.connections}  # and the next one will not
    await until(lambda: link.is_up)
    await link.stop()


async def test_the_connection_that_hung_may_be_the_first_to_answer_again(server: Server) -> None:
    link = await linked(server)
    await hang(server, link)
    await until(lambda: server.connections >= 3)

    server.answering = {0}
    await until(lambda: link.is_up)
    await link.stop()


async def test_a_request_with_many_limits_waits_no_longer_than_one_with_a_single_one(server: Server) -> None:
    server.answering = set(range(100))
    server.delay_seconds, server.answer = 0.3, b"*4\r\n:1\r\n:9\r\n:60000\r\n:60001\r\n"
    limiter = RouteLimiter(await server.start(), timeout_seconds=0.4, workers=1)
    await limiter.start()
    limits = [Limit(name, 10, 60, slack=0) for name in ("a", "b", "c")]
    exchange = Exchange({}, None, tracing.continue_from(None, None))  # type: ignore[arg-type]
    exchange.address = "127.0.0.1"

    await limiter.admit(exchange, limits)
    await limiter.admit(exchange, limits)
    await limiter.stop()

    # One answer took most of the time that there is; what is left does not do for the other five.
    assert len([key for key in server.keys if key.startswith("doorward:limit:")]) <= 2
    assert limiter.is_degraded

"""What a broken service does to its callers: the right status, no second POST, no leaked connection."""

import asyncio
import time

import orjson
import pytest

from tests.gateway.broken_service import Reader, Writer, ask, connected, sending, until
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import OK, Received, Upstream
from tests.gateway.wire import Wire

ROUTES = """
[upstreams.u]
urls = ["${USERS_URL}"]
most_outstanding = 8
[upstreams.away]
urls = ["http://127.0.0.1:9"]
[upstreams.nameless]
urls = ["http://no-such-name.invalid"]
[upstreams.two]
urls = ["${USERS_URL}", "http://127.0.0.1:9"]
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
max_body_bytes = 4000000
timeouts = { connect = 10, read = 30, total = 60 }
[[routes]]
name = "hasty"
prefix = "/hasty"
upstream = "u"
access = "public"
timeouts = { connect = 10, read = 1.5, total = 3 }
[[routes]]
name = "away"
prefix = "/away"
upstream = "away"
access = "public"
[[routes]]
name = "nameless"
prefix = "/nameless"
upstream = "nameless"
access = "public"
[[routes]]
name = "two"
prefix = "/two"
upstream = "two"
access = "public"
"""


@pytest.fixture
def gateway(start_gateway: StartGateway) -> Gateway:
    return start_gateway(routes=ROUTES)


async def test_a_service_that_is_not_there_is_told_with_when_to_come_back(gateway: Gateway) -> None:
    refused, nameless = await ask(gateway, "/away/x"), await ask(gateway, "/nameless/x")

    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert refused.headers["proxy-status"] == "doorward; error=connection_refused"
    assert (nameless.status, nameless.headers["proxy-status"]) == (503, "doorward; error=dns_error")


async def test_an_idempotent_request_is_tried_again_once_and_a_post_never(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.handlers["/x/y"] = sending(b"")

    for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"):
        assert (await ask(gateway, method=method)).status == 502

    counted = [request.method for request in upstream.at("/x/y")]
    assert counted == ["GET", "GET", "HEAD", "HEAD", "PUT", "PUT", "DELETE", "DELETE", "POST", "PATCH"]


async def test_a_request_with_a_body_is_not_tried_again(gateway: Gateway, upstream: Upstream) -> None:
    upstream.handlers["/x/y"] = sending(b"")

    await ask(gateway, method="PUT", body=b"once")

    assert len(upstream.at("/x/y")) == 1


class ClosingWhenTold:
    """A service that answers, and ends idle connections when the test says so."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._writers: list[Writer] = []
        upstream.handlers["/x/y"] = self

    async def __call__(self, request: Received, _reader: Reader, writer: Writer) -> None:
        writer.write(request.answer())
        self._writers.append(writer)

    async def close(self) -> None:
        """Return once the other side's kernel knows of it."""
        await self._upstream.run(self._close())

    async def _close(self) -> None:
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()
        self._writers.clear()


async def test_a_connection_that_the_service_closed_while_idle_is_not_an_error(
    gateway: Gateway, upstream: Upstream
) -> None:
    service = ClosingWhenTold(upstream)

    for method in ("GET", "POST") * 10:
        assert (await ask(gateway, method=method)).status == 200
        await service.close()


async def test_an_answer_to_nobody_is_not_given_to_the_next(gateway: Gateway, upstream: Upstream) -> None:
    poisoned = OK + b"content-length: 4\r\n\r\ngood" + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    upstream.handlers["/x/y"] = sending(poisoned, then="keep")

    first = await ask(gateway)
    others = [await ask(gateway, "/x/other") for _ in range(5)]

    assert first.body == b"good"
    assert all(orjson.loads(other.body)["target"] == "/x/other" for other in others)


async def test_retries_do_not_multiply_the_load_of_a_service_that_fails(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.handlers["/x/y"] = sending(b"", then="close")

    for _ in range(19):
        await ask(gateway)

    assert len(upstream.at("/x/y")) <= 19 + 10 + 2


async def test_a_service_that_fails_is_left_alone_and_tried_again_later(
    gateway: Gateway, upstream: Upstream
) -> None:
    upstream.handlers["/x/y"] = sending(b"garbage\r\n\r\n")
    for _ in range(25):
        await ask(gateway)
    seen = len(upstream.at("/x/y"))
    del upstream.handlers["/x/y"]

    while_open = [await ask(gateway) for _ in range(5)]
    async with asyncio.timeout(60):
        while (await ask(gateway)).status == 503:  # noqa: ASYNC110  (nobody but the gateway knows)
            await asyncio.sleep(0.1)
    after = [(await ask(gateway)).status for _ in range(3)]

    assert seen < 25
    assert {answer.status for answer in while_open} == {503}
    assert while_open[0].headers["proxy-status"] == "doorward; error=destination_unavailable"
    assert after == [200, 200, 200]


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


async def test_a_replica_that_is_away_is_passed_over(gateway: Gateway, upstream: Upstream) -> None:
    statuses = [(await ask(gateway, "/two/x", method)).status for method in ("GET", "POST") * 15]

    assert set(statuses) == {200}


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

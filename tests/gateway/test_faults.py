"""What a broken service does to its callers: the right status, no second POST, nobody else's answer."""

import asyncio

import orjson
import pytest

from tests.gateway.broken_service import ROUTES, Reader, Writer, ask, sending
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import OK, Received, Upstream


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
    """Once, also where a route allows more attempts: they are for replicas that cannot be reached."""
    upstream.handlers["/x/y"] = upstream.handlers["/stubborn/y"] = sending(b"")

    for method in ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"):
        assert (await ask(gateway, method=method)).status == 502
    await ask(gateway, "/stubborn/y")

    counted = [request.method for request in upstream.at("/x/y")]
    assert counted == ["GET", "GET", "HEAD", "HEAD", "PUT", "PUT", "DELETE", "DELETE", "POST", "PATCH"]
    assert len(upstream.at("/stubborn/y")) == 2


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


async def test_a_replica_that_is_away_is_passed_over(gateway: Gateway, upstream: Upstream) -> None:
    statuses = [(await ask(gateway, "/two/x", method)).status for method in ("GET", "POST") * 15]

    assert set(statuses) == {200}

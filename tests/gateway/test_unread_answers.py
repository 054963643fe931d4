"""Answers that nobody reads: they cost little, and are given up."""

import asyncio

import pytest

from gateway.messages import Message, StreamedResponse, send_answer
from shared.serving.messages import ClientTooSlow
from tests.gateway import echo
from tests.gateway.conftest import StartGateway
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
"""


class Endless:
    """A body without end."""

    is_closed = False

    async def read(self) -> bytes:
        return b"x"

    def cut(self) -> None:
        raise AssertionError("nobody does")

    def close(self) -> None:
        self.is_closed = True


async def test_twenty_thousand_requests_of_a_client_that_never_reads_cost_little(
    start_gateway: StartGateway, upstream: echo.Upstream
) -> None:
    gateway = start_gateway(routes=ROUTES)
    before = 0
    for _ in range(10):  # what ordinary requests take at the most
        await hammer(gateway.port, "/x/ordinary", {}, times=300)
        before = max(before, gateway.resident_kib())
    highest = before
    wire = await Wire.connect(gateway.port)
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]

    sending = asyncio.create_task(wire.send(b"GET /x/p HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20_000))
    answered = -1
    while answered < len(upstream.at("/x/p")):  # until the gateway asks for no more of them
        answered = len(upstream.at("/x/p"))
        ordinary = await hammer(gateway.port, "/x/ordinary", {}, times=200)
        assert {answer.status for answer in ordinary} == {200}
        highest = max(highest, gateway.resident_kib())
    sending.cancel()
    wire.close()

    assert 0 < answered < 20_000
    assert highest - before < 2_048


async def test_a_body_that_the_client_does_not_take_is_closed() -> None:
    source = Endless()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ClientTooSlow

    with pytest.raises(ClientTooSlow):
        await send_answer(StreamedResponse(200, [], b"", source), send)

    assert source.is_closed

"""Clients that are slow on purpose: they wait, and nobody else does."""

import asyncio
import re
import shutil
from time import monotonic

import orjson
import pytest

from gateway import asgi, errors, request_body
from gateway.messages import Message, ResponseBroken, StreamedResponse
from shared.chassis.testing.servers import is_docker_required
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received, Upstream
from tests.gateway.wire import Wire

ATTACKERS = 400
SECONDS = 6  # the program reports after five
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
MODES = {
    "headers": ["-H", "-i", "1", "-x", "10"],
    "body": ["-B", "-i", "1", "-x", "10", "-s", "60000"],
    "read": ["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "16", "-k", "3"],
}


class Endless:
    """A body without end."""

    is_closed = False

    async def read(self) -> bytes:
        return b"x"

    def cut(self) -> None:
        raise AssertionError("nobody does")

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def program() -> str:
    """slowhttptest, which Debian has a package of; where everything is required, its absence is a failure."""
    found = shutil.which("slowhttptest")
    if found is None and not is_docker_required():
        pytest.skip("slowhttptest is not installed (REQUIRE_DOCKER=1 makes this a failure)")
    assert found is not None, "slowhttptest is not installed"
    return found


async def attack(program: str, url: str, mode: str) -> str:
    """Let ``ATTACKERS`` connections be slow in this way; what the program reported."""
    arguments = ["-c", str(ATTACKERS), "-r", str(ATTACKERS), "-l", str(SECONDS), "-p", "3", "-u", url]
    process = await asyncio.create_subprocess_exec(
        program, *arguments, *MODES[mode], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output.decode("latin-1"))


async def ask_until(gateway: Gateway, attacking: "asyncio.Task[str]") -> list[int]:
    """Ordinary requests, each on a new connection, as long as the attack lasts."""
    statuses = []
    while not attacking.done():
        wire = await Wire.connect(gateway.port)
        statuses += [(await wire.get(path)).status for path in ("/x/ordinary", "/livez")]
        wire.close()
        await asyncio.sleep(0.02)
    return statuses


@pytest.mark.parametrize("mode", MODES)
async def test_slowhttptest_keeps_nobody_from_being_answered(
    start_gateway: StartGateway, upstream: Upstream, program: str, mode: str
) -> None:
    async def give_much(_: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 240000\r\n\r\n")
        for _piece in range(4):
            writer.write(b"x" * 60_000)
            await writer.drain()
            await asyncio.sleep(0.02)

    upstream.handlers["/x/much"] = give_much
    gateway = start_gateway(routes=ROUTES)
    target = "/x/much" if mode == "read" else "/x/y"

    attacking = asyncio.create_task(attack(program, gateway.url + target, mode))
    statuses = await ask_until(gateway, attacking)
    report = await attacking

    connected = max(map(int, re.findall(r"connected:\s+(\d+)", report)))
    assert set(statuses) == {200}
    assert connected > ATTACKERS / 2
    assert "service available:   YES" in report
    assert "service available:   NO" not in report


async def test_a_service_hears_of_no_body_that_does_not_arrive(
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    gateway = start_gateway(routes=ROUTES)
    wires = [await Wire.connect(gateway.port) for _ in range(250)]
    for wire in wires:
        await wire.send(b"POST /x/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\nabc")
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
    start_gateway: StartGateway, upstream: Upstream
) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def take(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100_000)
        loop.call_soon_threadsafe(seen.set)
        await reader.readexactly(100_000)
        writer.write(request.answer())

    upstream.handlers["/x/large"] = take
    gateway = start_gateway(routes=ROUTES)
    wire = await Wire.connect(gateway.port)
    await wire.send(b"POST /x/large HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n")

    await wire.send(b"x" * 100_000)
    async with asyncio.timeout(10):
        await seen.wait()
    await wire.send(b"x" * 100_000)
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


async def test_an_answer_that_the_client_does_not_take_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "TAKING_SECONDS", 0.1)
    app = asgi.AsgiFlask(__name__)
    source = Endless()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    context = app.test_request_context()

    with pytest.raises(ResponseBroken):
        await app.send_response(context, StreamedResponse(200, [], b"", source), send)

    assert source.is_closed

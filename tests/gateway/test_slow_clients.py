"""Clients that are slow on purpose: they wait, and nobody else does."""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic

import httpx
import orjson
import pytest

from gateway import answer_body, attempt, errors, held_bodies, request_body
from gateway.held_bodies import HeldBodies
from gateway.messages import ClientGone, Message, ResponseBroken, StreamedResponse, send_answer
from gateway.upstream import faults
from gateway.upstream.breaker import LEAST_SAMPLE
from gateway.upstream.replicas import Service
from gateway.upstream.table import Upstream, WeightedUrl
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import stop_all
from shared.chassis.testing.servers import is_docker_required
from shared.serving.messages import ClientTooSlow
from tests.gateway import echo
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.echo import Received
from tests.gateway.wire import Wire, hammer

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
max_body_bytes = 4000000
[[routes]]
name = "brief"
prefix = "/brief"
upstream = "u"
access = "public"
max_body_bytes = 4000000
timeouts = { total = 1 }
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
def threaded_service() -> Iterator[str]:
    """A service on gunicorn with as many threads as ours have: it answers how many bytes it was sent."""
    port = free_port()
    arguments = ["--worker-class", "gthread", "--threads", "8", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *arguments, "tests.gateway.counting_service:app"],
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: _answers(port), what="the service", seconds=20)
    yield f"http://127.0.0.1:{port}"
    stop_all(process)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=1).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def program() -> str:
    """slowhttptest, which Debian has a package of; where everything is required, its absence is a failure."""
    found = shutil.which("slowhttptest")
    if found is None and not is_docker_required():
        pytest.skip("slowhttptest is not installed (REQUIRE_DOCKER=1 makes this a failure)")
    assert found is not None, "slowhttptest is not installed"
    return found


async def attack(program: str, url: str, mode: str) -> str:
    """Let ``ATTACKERS`` connections be slow in this way; what the program reported.

    They come within four seconds: all at once would be more than the service may have outstanding.
    """
    arguments = ["-c", str(ATTACKERS), "-r", str(ATTACKERS // 4), "-l", str(SECONDS), "-p", "3", "-u", url]
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
    start_gateway: StartGateway, upstream: echo.Upstream, program: str, mode: str
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


async def test_a_body_that_the_client_does_not_take_is_closed() -> None:
    source = Endless()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ClientTooSlow

    with pytest.raises(ClientTooSlow):
        await send_answer(StreamedResponse(200, [], b"", source), send)

    assert source.is_closed


async def test_slow_uploads_leave_a_service_with_eight_threads_to_the_others(
    start_gateway: StartGateway, threaded_service: str
) -> None:
    gateway = start_gateway(routes=ROUTES.replace("${USERS_URL}", threaded_service))
    wires = [await Wire.connect(gateway.port) for _ in range(8)]
    for wire in wires:
        await wire.send(
            b"POST /x/y HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" + b"x" * 66_000
        )

    ordinary = await hammer(gateway.port, "/x/ordinary", {}, times=20)
    await wires[0].send(b"x" * 134_000)
    complete = await wires[0].receive()
    for wire in wires:
        wire.close()

    assert {answer.status for answer in ordinary} == {200}
    assert (complete.status, complete.body) == (200, b"200000")


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


@dataclass
class Clock:
    """A clock that a test turns."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (attempt, answer_body):
        monkeypatch.setattr(module, "monotonic", clock)
    return clock


@dataclass
class Answering:
    """A connection whose next pieces are given, each with the seconds that it takes; None: it breaks off."""

    clock: Clock
    pieces: list[tuple[float, bytes | None]]

    async def read(self, _timeout_seconds: float) -> bytes:
        seconds, piece = self.pieces.pop(0)
        self.clock.now += seconds
        if piece is None:
            raise faults.ResponseIncomplete
        return piece


async def attempt_at(clock: Clock, *, seconds: float) -> attempt.Attempt:
    service = Service(Upstream(name="u", urls=(WeightedUrl(url="http://127.0.0.1:9"),)))
    await service.resolve()
    return attempt.Attempt(service, service.replicas[0], deadline=clock.now + seconds, read_seconds=30)


@pytest.mark.parametrize(("waited_seconds", "is_clients"), [(40, True), (20, False)])
async def test_a_service_that_a_slow_client_left_no_time_is_not_blamed(
    clock: Clock, waited_seconds: float, is_clients: bool
) -> None:
    began, one = clock.now, await attempt_at(clock, seconds=60)
    body = request_body.RequestBody(_nothing, 10, 10)
    body.waited_seconds = waited_seconds

    before = one.is_clients_doing(body, began)
    clock.now += 60

    assert not before
    assert one.is_clients_doing(body, began) is is_clients


@pytest.mark.parametrize(("client_seconds", "is_blamed"), [(5, False), (1, True)])
async def test_what_a_slow_reader_brings_about_is_no_failure_of_the_service(
    clock: Clock, client_seconds: float, is_blamed: bool
) -> None:
    one = await attempt_at(clock, seconds=60)

    for _ in range(LEAST_SAMPLE):
        connection = Answering(clock, [(1, b"x"), (1, None)])
        one.connection = connection  # type: ignore[assignment]
        relay = answer_body.AnswerBody(one)
        await relay.read()
        clock.now += client_seconds
        with pytest.raises(ResponseBroken):
            await relay.read()

    assert one.replica.breaker.is_closed() is not is_blamed


async def _nothing() -> Message:
    return {"type": "http.request"}


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

"""Which replica is asked: by weight, and never one that is away while another is there."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial

import orjson
import pytest

from gateway.attempt import Attempt
from gateway.upstream import balancing, breaker, faults, health, replicas
from gateway.upstream.framing import parse_head
from gateway.upstream.replicas import Replica, Service
from gateway.upstream.table import Upstream, WeightedUrl
from shared.chassis.testing.engines import free_port
from tests.gateway.broken_service import until
from tests.gateway.conftest import Gateway, StartGateway
from tests.gateway.wire import Wire


@dataclass(eq=False)
class Candidate:
    weight: int
    outstanding: int = 0
    credit: float = 0.0


@dataclass
class Clock:
    """A clock that a test turns."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "monotonic", clock)
    return clock


async def service_of(*urls: str, **options: object) -> Service:
    """A service whose replicas are well, as far as anybody knows."""
    service = Service(
        Upstream(name="u", urls=tuple(WeightedUrl(url=url) for url in urls), health_path=None, **options)  # type: ignore[arg-type]
    )
    await service.resolve()
    return service


async def two() -> tuple[Service, Replica, Replica]:
    service = await service_of("http://127.0.0.1:7001", "http://127.0.0.1:7002")
    one, other = service.replicas
    return service, one, other


def attempt_at(service: Service, replica: Replica) -> Attempt:
    return Attempt(service, replica, deadline=1e12, read_seconds=30)


@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (99, 1), (5, 3, 2)])
def test_weights_hold_for_requests_one_after_the_other(weights: tuple[int, ...]) -> None:
    candidates = [Candidate(weight) for weight in weights]

    chosen = Counter(candidates.index(balancing.choose(candidates)) for _ in range(10 * sum(weights)))

    assert [chosen[index] for index in range(len(weights))] == [10 * weight for weight in weights]


def test_weights_hold_for_requests_that_overlap() -> None:
    candidates = [Candidate(99), Candidate(1)]
    under_way: list[Candidate] = []
    chosen: Counter[int] = Counter()

    for _ in range(1000):
        if len(under_way) == 4:
            under_way.pop(0).outstanding -= 1
        one = balancing.choose(candidates)
        one.outstanding += 1
        under_way.append(one)
        chosen[one.weight] += 1

    assert chosen == {99: 990, 1: 10}


def test_a_replica_that_hangs_gets_only_a_few_requests() -> None:
    hanging, good = Candidate(1), Candidate(1)

    for _ in range(1000):
        one = balancing.choose([hanging, good])
        one.outstanding += one is hanging

    assert hanging.outstanding <= 2 * balancing.MOST_BEHIND + 1


async def test_a_replica_whose_breaker_opened_gets_its_share_again(clock: Clock) -> None:
    service, one, other = await two()
    for _ in range(breaker.LEAST_SAMPLE):
        one.breaker.fail()
    while_open = {service.choose() for _ in range(10)}
    clock.now += breaker.OPEN_SECONDS

    chosen: Counter[Replica] = Counter()
    for _ in range(100):
        attempt = attempt_at(service, service.choose())
        chosen[attempt.replica] += 1
        attempt.answered(200)
        attempt.end()

    assert while_open == {other}
    assert chosen == {one: 50, other: 50}


async def test_only_one_request_at_a_time_finds_out_whether_a_replica_is_back(clock: Clock) -> None:
    service, one, _other = await two()
    for _ in range(breaker.LEAST_SAMPLE):
        one.breaker.fail()
    clock.now += breaker.OPEN_SECONDS

    attempts = [attempt_at(service, service.choose()) for _ in range(10)]

    assert [attempt.replica for attempt in attempts].count(one) == 1


@pytest.mark.parametrize("status", [200, 404, 500, 503])
async def test_any_answer_to_the_one_request_closes_the_breaker(clock: Clock, status: int) -> None:
    service = await service_of("http://127.0.0.1:7001")
    (replica,) = service.replicas
    for _ in range(breaker.LEAST_SAMPLE):
        replica.breaker.fail()
    clock.now += breaker.OPEN_SECONDS

    attempt_at(service, service.choose()).answered(status)

    assert replica.breaker.is_closed()


async def test_a_client_that_leaves_lets_the_next_request_find_out(clock: Clock) -> None:
    service = await service_of("http://127.0.0.1:7001")
    (replica,) = service.replicas
    for _ in range(breaker.LEAST_SAMPLE):
        replica.breaker.fail()
    clock.now += breaker.OPEN_SECONDS

    attempt_at(service, service.choose()).end()

    assert service.choose() is replica


async def test_failed_answers_of_an_open_breaker_keep_it_open(clock: Clock) -> None:
    service = await service_of("http://127.0.0.1:7001")
    (replica,) = service.replicas
    for _ in range(breaker.LEAST_SAMPLE):
        replica.breaker.fail()
    clock.now += breaker.OPEN_SECONDS

    attempt_at(service, service.choose()).failed(faults.ConnectionEnded())

    with pytest.raises(faults.AllOpen):
        service.choose()


async def test_a_replica_that_refuses_connections_is_left_alone_after_three(clock: Clock) -> None:
    service, one, other = await two()

    for _ in range(breaker.MOST_REFUSED):
        attempt = attempt_at(service, one)
        attempt.failed(faults.ConnectFault())
        attempt.end()

    assert {service.choose() for _ in range(10)} == {other}
    assert one.breaker.is_refusing


async def test_a_name_that_does_not_resolve_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"a": ["192.0.2.1"], "b": ["192.0.2.2", "192.0.2.3"]}

    async def look_up(host: str, _port: int) -> list[str]:
        return known[host]

    monkeypatch.setattr(replicas, "_addresses", look_up)
    service = await service_of("http://a", "http://b")
    before = list(service.replicas)

    known["b"] = []
    await service.resolve()
    while_away = list(service.replicas)
    known["b"] = ["192.0.2.3"]
    await service.resolve()

    assert while_away == before
    assert service.replicas == [before[0], before[2]]


@pytest.mark.parametrize(
    ("setting", "said", "seconds"),
    [
        (1.5, b"", 1.5),
        (12, b"timeout=5", 4),
        (12, b"timeout=72, max=9", 12),
        (12, b"max=9", 12),
        (12, b"Timeout = 3;", 2),
    ],
)
def test_an_idle_connection_is_kept_as_long_as_the_route_file_and_the_service_allow(
    setting: float, said: bytes, seconds: float
) -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\ncontent-length: 0" + (b"\r\nkeep-alive: " + said if said else b""))
    replica = Replica(
        "192.0.2.1",
        80,
        entry=WeightedUrl(url="http://a"),
        upstream=Upstream(name="u", urls=(WeightedUrl(url="http://a"),), keep_alive_seconds=setting),
    )

    assert replica.pool.idle_time(head.keep_alive_seconds) == seconds


ROUTES = """
[upstreams.u]
urls = ["http://127.0.0.1:{one}", "http://127.0.0.1:{other}"]
health_interval_seconds = 0.5
[[routes]]
name = "x"
prefix = "/x"
upstream = "u"
access = "public"
"""


@dataclass
class Fragile:
    """A replica that can be killed in the middle of its answers, and started again."""

    port: int
    served: int = 0
    connections: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)

    def kill(self) -> None:
        self.server.close()
        for writer in list(self.connections):
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(writer)
        body = orjson.dumps(self.port)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.served += b"/x " in head
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        self.connections.discard(writer)
        writer.transport.abort()


@contextlib.asynccontextmanager
async def fragile() -> AsyncIterator[Fragile]:
    replica = Fragile(free_port())
    await replica.start()
    yield replica
    replica.kill()


async def ask(gateway: Gateway, times: int, *, clients: int = 4) -> Counter[tuple[int, bytes]]:
    """``times`` requests over a few connections: how often which answer came."""
    answers: Counter[tuple[int, bytes]] = Counter()

    async def one_client() -> None:
        wire = await Wire.connect(gateway.port)
        for _ in range(times // clients):
            answer = await wire.get("/x")
            answers[answer.status, answer.body] += 1
        wire.close()

    await asyncio.gather(*(one_client() for _ in range(clients)))
    return answers


async def test_a_replica_that_dies_and_returns_costs_no_answer_and_gets_its_share(
    start_gateway: StartGateway,
) -> None:
    async with fragile() as one, fragile() as other:
        gateway = start_gateway(routes=ROUTES.format(one=one.port, other=other.port))
        answers = await ask(gateway, 200)
        for _ in range(2):
            asking = asyncio.create_task(ask(gateway, 300))
            await until(partial(_has_served, one, one.served + 20))
            one.kill()
            answers += await asking
            await one.start()
            await until(partial(_asked_again, gateway, one, one.served + 1))
        last = await ask(gateway, 200)

    assert {status for status, _ in answers + last} == {200}
    assert min(last[200, orjson.dumps(port)] for port in (one.port, other.port)) >= 80


def _has_served(replica: Fragile, times: int) -> bool:
    return replica.served >= times


def _asked_again(gateway: Gateway, replica: Fragile, times: int) -> bool:
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return _has_served(replica, times)


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port that refuses connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def test_a_dead_replica_beside_one_that_is_well_costs_no_answer(
    start_gateway: StartGateway, dead_port: int
) -> None:
    async with fragile() as good:
        routes = (
            ROUTES.format(one=dead_port, other=good.port).replace(
                "health_interval_seconds = 0.5", 'health_path = "/x"'
            )
            + "retries = 0\n"
        )
        gateway = start_gateway(routes=routes)

        answers = await ask(gateway, 400)

    assert {status for status, _ in answers} == {200}


async def test_health_notices_a_replica_that_refused_and_is_back_between_two_checks() -> None:
    async with fragile() as one, fragile() as other:
        service = Service(
            Upstream(
                name="u",
                urls=tuple(WeightedUrl(url=f"http://127.0.0.1:{port}") for port in (one.port, other.port)),
                health_path="/x",
            )
        )
        await health.look(service)
        for _ in range(breaker.MOST_REFUSED):
            service.replicas[0].breaker.fail_to_connect()
        before = service.replicas[0].breaker.allows()

        await health.look(service)

    assert not before
    assert service.replicas[0].breaker.allows()
    service.close()

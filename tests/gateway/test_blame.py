"""Whose doing it is that a request took too long: a slow client's, or the service's."""

from dataclasses import dataclass

import pytest

from gateway import answer_body, attempt, request_body
from gateway.messages import Message, ResponseBroken
from gateway.upstream import faults
from gateway.upstream.breaker import LEAST_SAMPLE
from gateway.upstream.replicas import Service
from gateway.upstream.table import Upstream, WeightedUrl


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

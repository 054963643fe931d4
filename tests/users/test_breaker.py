"""The breaker in front of Redis: a Redis that is slow costs one request its patience, and no other."""

from collections.abc import Callable, Iterator
from queue import SimpleQueue

import pytest
from flask import Flask
from pydantic import SecretStr
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TooSlow

from services.users.cache.backend import VersionedRedis
from services.users.cache.breaker import LONGEST_REST_SECONDS, Breaker
from services.users.deps import Deps
from services.users.profiles import invalidations
from services.users.settings import UsersSettings
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from tests.users.cached_profiles import ME, outcomes_of
from tests.users.conftest import FakeAccounts, Headers


class Probes:
    """Probes that end when the test says how."""

    def __init__(self) -> None:
        self.rests: list[float] = []
        self._outcomes: SimpleQueue[bool] = SimpleQueue()
        self.done = 0

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self._answered = self._outcomes.get(timeout=60)

    def probe(self) -> None:
        self.done += 1
        if not self._answered:
            raise TooSlow

    def end(self, *, answered: bool) -> None:
        """Have the next one done."""
        done = self.done
        self._outcomes.put(answered)
        wait_until(lambda: self.done > done, what="a probe")


@pytest.fixture
def probes() -> Probes:
    return Probes()


@pytest.fixture
def breaker(probes: Probes) -> Iterator[Breaker]:
    breaker = Breaker(probes.probe, rest=probes.rest)
    yield breaker
    if not breaker.admits():
        probes.end(answered=True)


def test_breaker_lets_nobody_ask_until_a_probe_is_answered(breaker: Breaker, probes: Probes) -> None:
    assert breaker.admits()
    for _ in range(3):  # of several threads at once
        breaker.failed()
    for _ in range(20):
        assert not breaker.admits()
        probes.end(answered=False)
    assert not breaker.admits()

    probes.end(answered=True)

    wait_until(breaker.admits, what="a closed breaker")
    assert probes.done == 21


def test_breaker_rests_longer_after_each_probe_that_failed(breaker: Breaker, probes: Probes) -> None:
    breaker.failed()
    for number in range(7):
        wait_until(lambda number=number: len(probes.rests) > number, what="a rest")
        breaker.admits()
        probes.end(answered=False)

    wait_until(lambda: len(probes.rests) > 7, what="a rest")
    assert probes.rests[:7] == [0.02, 0.04, 0.08, 0.16, 0.32, LONGEST_REST_SECONDS, LONGEST_REST_SECONDS]


def test_breaker_probes_no_more_where_nobody_asks_and_again_where_somebody_does(
    breaker: Breaker, probes: Probes
) -> None:
    breaker.failed()
    probes.end(answered=False)
    wait_until(lambda: not breaker.is_probing, what="the end of the probes")

    assert not breaker.admits()
    probes.end(answered=True)

    wait_until(breaker.admits, what="a closed breaker")


class Asked:
    """How often requests asked Redis, and how often that failed."""

    def __init__(self) -> None:
        self.times = self.failures = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()

    def counted(name: str) -> None:
        asks = getattr(VersionedRedis, name)

        def ask(*arguments: object) -> object:
            asked.times += 1
            try:
                return asks(*arguments)
            except RedisError:
                asked.failures += 1
                raise

        monkeypatch.setattr(VersionedRedis, name, ask)

    for name in ("read", "read_many", "offer", "forbid"):
        counted(name)
    return asked


@pytest.mark.parametrize("mishap", [("pause", "unpause"), ("stop", "start")])
def test_redis_that_is_slow_costs_one_request_its_patience_and_no_other_anything(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    as_account: Headers,
    private_redis: PrivateRedis,
    asked: Asked,
    mishap: tuple[str, str],
) -> None:
    fragile = {"redis_url": SecretStr(private_redis.url()), "cache_patience_milliseconds": 200}
    app = make_app(settings.model_copy(update=fragile), deps=Deps(accounts=accounts))
    client = app.test_client()
    headers = as_account(accounts.add().id)
    wait_until(lambda: hits_of(lambda: client.get(ME, headers=headers)) == 1, what="a warm cache")
    asked.times = asked.failures = 0

    getattr(private_redis, mishap[0])()
    read = [client.get(ME, headers=headers).status_code for _ in range(30)]
    written = client.patch(ME, headers=headers, json={"name": "New"})
    batch = client.get("/api/v1/users", query_string={"ids": read_id(written)}, headers=headers)
    at_most = asked.times, asked.failures
    getattr(private_redis, mishap[1])()

    assert read == [200] * 30
    assert (written.status_code, batch.json["items"][0]["name"]) == (200, "New")
    assert at_most == (1, 1)
    wait_until(lambda: hits_of(lambda: client.get(ME, headers=headers)) == 1, what="the cache again")
    with app.app_context():
        assert invalidations.repeat() == 1  # what the writer could not tell Redis: the worker's part
    assert client.get(ME, headers=headers).json["name"] == "New"
    assert hits_of(lambda: client.get(ME, headers=headers)) == 1


def read_id(answer: object) -> str:
    """Whose profile was answered."""
    return str(answer.json["id"])  # type: ignore[attr-defined]


def hits_of(work: Callable[[], object]) -> int:
    """How many reads found their profile in the cache."""
    return outcomes_of(work).get(("read", "hit"), 0)

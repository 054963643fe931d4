"""Runs of the cache's model (``cache_model``): a short walk, and the sequences that once showed an old value.

Last, by the clock: how long an old value is shown where Redis does not hear the writer and a worker tells it.

`python -m tests.users.cache_walk` is a long walk.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from statistics import median
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import Worker, working
from shared.chassis.testing.servers import Servers
from tests.users.cache_model import CacheModel
from tests.users.cache_world import World, world_on
from tests.users.cached_profiles import PREFIX

EXAMPLES = 2
STEPS = 12
STALE_SECONDS = 1.0  # what docs/users.md says


@pytest.fixture(scope="module")
def world(servers: Servers, worker_number: int) -> Iterator[World]:
    name = f"cache_model_{worker_number}"
    redis = servers.private_redis()
    with closing(redis), world_on(servers.postgres.create_database(name), redis) as world:
        yield world
    servers.postgres.drop_database(name)


@pytest.mark.timeout(300)
def test_no_read_is_older_than_the_last_acknowledged_write(world: World) -> None:
    CacheModel.world = world
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        CacheModel,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Found in the cache of before, each in a way of its own; and their siblings.
SEQUENCES: dict[str, Callable[[CacheModel], list[Any]]] = {
    "a reader between a message and its commit": lambda model: [
        model.write_and_wait(0, 0, "message", "before_commit"),
        model.read(1, 0),
        model.go(0),
    ],
    "a writer that was overtaken by another": lambda model: [
        model.write_and_wait(0, 0, "write", "after_commit"),
        model.write(1, 0, "write"),
        model.go(0),
    ],
    "a writer that does not reach Redis": lambda model: [
        model.cut(0),
        model.write(0, 0, "write"),
        model.cut(0),
        model.relay(),
    ],
    "a batch that was overtaken by a writer": lambda model: [
        model.restart_redis(),
        model.read_and_wait(1, 0, is_batch=True),
        model.write(0, 0, "write"),
        model.go(1),
    ],
    "a value under the key of another account": lambda model: [
        model.write(0, 1, "write"),
        model.each_side_shows_enough(),
        model.move_value(0),
    ],
    "a writer that is killed between commit and cache": lambda model: [
        model.write_and_wait(0, 0, "write", "after_commit"),
        model.kill(0),
    ],
    "a reader that was overtaken by a writer after Redis was restarted": lambda model: [
        model.restart_redis(),
        model.read_and_wait(1, 0),
        model.write(0, 0, "write"),
        model.go(1),
    ],
    "a message that is killed before its commit": lambda model: [
        model.write_and_wait(0, 0, "message", "before_commit"),
        model.kill(0),
        model.write(0, 0, "write"),
    ],
}


@pytest.mark.timeout(300)
def test_sequences_that_once_showed_an_old_value_or_that_of_another(world: World) -> None:
    CacheModel.world = world
    failed = []
    for name, sequence in SEQUENCES.items():
        model = CacheModel()
        model.begin()
        model.each_side_shows_enough()
        try:
            sequence(model)
            model.each_side_shows_enough()
        except AssertionError as error:
            failed.append(f"{name}: {error}".splitlines()[0])

    assert failed == []


@pytest.mark.timeout(300)
def test_what_is_written_without_redis_is_shown_everywhere_within_a_second(world: World) -> None:
    CacheModel.world = world
    model = CacheModel()
    model.begin()
    with working(Worker.of("users", world.environment)):
        stale = [seconds_stale(model) for _ in range(3)]

    # Of three, so that a machine that stood still for once does not decide.
    assert median(stale) < STALE_SECONDS, stale


def seconds_stale(model: CacheModel) -> float:
    """How long another process shows an old value after a writer without Redis was answered."""
    (writer, reader), account = model.world.sides, model.accounts[0]

    def read() -> int:
        return int(reader.ask(do="read", account=account, body=model.body(account))["version"])

    version = model.world.version(account)
    wait_until(lambda: read() == cached_version(model.world, account) == version, what="a warm cache")
    writer.link.cut()
    writer.ask(do="write", account=account, body=model.body(account), name=f"N{version}")
    answered = shown_last = time.monotonic()

    def is_shown() -> bool:
        nonlocal shown_last
        begun = time.monotonic()
        if read() > version:
            return True
        shown_last = begun
        return False

    wait_until(is_shown, what="the new value", seconds=30)
    writer.link.restore()
    return shown_last - answered


def cached_version(world: World, account: str) -> int | None:
    """The version that Redis has a value of; None where it has none, or a tombstone."""
    with world.redis.client() as client:
        stored: Any = client.get(f"{PREFIX}{account}")
    _, version, value = (stored or b"  ").split(b" ", 2)
    return int(version) if value else None

"""Runs of the cache's model (``cache_model``): a short walk, and the sequences that once showed an old value.

`python -m tests.users.cache_walk` is a long walk.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.chassis.testing.servers import Servers
from tests.users.cache_model import CacheModel
from tests.users.cache_world import World, world_on

EXAMPLES = 2
STEPS = 12


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

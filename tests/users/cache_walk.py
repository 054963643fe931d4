"""How soon does a walk of the cache's model find something, and what else is there?

    python -m tests.users.cache_walk --examples 100 --seed 1

walks through so many examples. Where one shows a fault it says which and begins again, passing over that kind
from then on, until nothing is found in so many examples. Exit code 1 where it found something.
"""

import argparse
import sys
import time
from contextlib import closing

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from shared.chassis.testing.servers import Servers, choose_kind
from tests.users.cache_faults import Fault
from tests.users.cache_model import CacheModel
from tests.users.cache_world import world_on


class Walk(CacheModel):
    """Counts its examples."""

    examples = 0

    def __init__(self) -> None:
        super().__init__()
        Walk.examples += 1


def walk(*, examples: int, steps: int, seed: int) -> Fault | None:
    """The first fault that is not known, found by chance alone."""
    Walk.examples = 0
    options = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(Walk), settings=options)  # type: ignore[no-untyped-call]
    except Fault as fault:
        return fault
    return None


def say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def main() -> int:
    """Print a line for each kind of fault, and how many examples showed none."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--steps", type=int, default=16, help="of each example")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with (
        closing(Servers(choose_kind())) as servers,
        closing(servers.private_redis()) as redis,
        world_on(servers.postgres.create_database("cache_walk"), redis) as world,
    ):
        Walk.world = world
        while fault := walk(examples=asked.examples, steps=asked.steps, seed=asked.seed):
            say(f"example {Walk.examples}: {type(fault).__name__}: {fault}")
            Walk.known.add(type(fault))
        say(f"{Walk.examples} examples of {asked.steps} steps show nothing{' else' if Walk.known else ''}")
    return 1 if Walk.known else 0


if __name__ == "__main__":
    sys.exit(main())

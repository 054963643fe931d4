"""Random operations on organizations: what is another's stays another's, and there is always an owner.

ORGANIZATION_OPERATIONS=1000 .venv/bin/python -m pytest tests/users/test_organization_operations.py -s
"""

import os
import sys
from collections import Counter
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.users import organization_hostilities as hostilities
from tests.users.conftest import FakeAccounts
from tests.users.organization_choices import HOSTILE_ONE_IN, Choices
from tests.users.organization_operations import KINDS
from tests.users.organization_world import World

WANTED = int(os.environ.get("ORGANIZATION_OPERATIONS", "100"))
AT_ONCE = 50  # operations of one example
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # nothing is shrunk: each example is long


@pytest.mark.timeout(900)
def test_no_operation_shows_or_changes_another_organization_and_there_is_always_an_owner(
    app: Flask, accounts: FakeAccounts
) -> None:
    succeeded, refused, seeds = Counter[str](), Counter[str](), list[int]()
    choices = Choices()

    @settings(
        max_examples=WANTED // AT_ONCE,
        deadline=None,
        database=None,
        derandomize=WANTED < 1000,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        world, chance = World(app, accounts), Random(seed)
        seeds.append(seed)
        for _ in range(AT_ONCE):
            world.do(choices.next(world, chance))
        succeeded.update(world.succeeded)
        refused.update(world.refused)

    run()
    done = len(seeds) * AT_ONCE
    sys.stdout.write(f"\n{done} operations; done: {dict(succeeded)}; refused: {dict(refused)}\n")

    assert done >= WANTED - AT_ONCE
    assert succeeded.total() >= 0.6 * done
    assert refused.total() >= 0.9 * done // HOSTILE_ONE_IN
    assert {kind: succeeded[kind] for kind in KINDS if succeeded[kind] < done // 100} == {}
    assert len(refused) >= min(len(hostilities.ALL), 0.75 * done // HOSTILE_ONE_IN)

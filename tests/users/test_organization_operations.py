"""Random operations on organizations: what is another's stays another's, and there is always an owner.

ORGANIZATION_OPERATIONS=1000 .venv/bin/python -m pytest tests/users/test_organization_operations.py -s
"""

import os
import sys
from collections import Counter

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.users.conftest import FakeAccounts
from tests.users.organization_operations import Operation, World, random_operations

WANTED = int(os.environ.get("ORGANIZATION_OPERATIONS", "120"))
AT_ONCE = min(WANTED, 50)  # operations of one example
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)  # nothing is shrunk: each example is long


@pytest.mark.timeout(900)
def test_no_operation_shows_or_changes_another_organization_and_there_is_always_an_owner(
    app: Flask, accounts: FakeAccounts
) -> None:
    done, succeeded = Counter[str](), Counter[str]()

    @settings(
        max_examples=max(1, WANTED // AT_ONCE),
        deadline=None,
        database=None,
        derandomize=WANTED < 1000,
        phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def run(seed: int) -> None:
        world = World(app, accounts)
        for number in range(2):
            world.do(Operation("create", number, 0, 0, "owner"))
            world.do(Operation("invite", number, number, number + 2, "member"))
            world.do(Operation("accept_token", number + 2, number, number + 2, "member"))
        assert world.succeeded == {"create": 2, "invite": 2, "accept_token": 2}
        world.succeeded.clear()
        for operation in random_operations(seed, AT_ONCE):
            world.do(operation)
            done[operation.kind] += 1
        succeeded.update(world.succeeded)

    run()
    sys.stdout.write(f"\n{done.total()} operations, {succeeded.total()} of them done: {dict(succeeded)}\n")

    assert done.total() >= WANTED - AT_ONCE
    assert {"create", "invite", "accept_token"} <= set(succeeded)

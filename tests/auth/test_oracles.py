"""No sequence of calls tells whether an address is registered; ``oracles`` makes all of them."""

from collections.abc import Iterator

import pytest

from shared.chassis.testing.databases import ServiceDatabases
from tests.auth.oracles import Search, Steps, searching

# One for each way to learn something that there has been, and for each that lies close to it.
DECISIVE: list[Steps] = [
    ("register", "sign in"),
    ("register", "ask for another verification", "sign in"),
    ("move to the address", "move to the address"),
    ("move to the address", "confirm the move by a guess"),
    ("register", "register with another password", "sign in with another password"),
    ("register", "sign in with another password"),
    ("register", "verify by a guess"),
    ("register", "reset by a guess"),
    ("register", "move to the address"),
    ("register with a key", "register with a key"),
    ("ask for a reset", "sign in by a guess"),
]


@pytest.fixture
def search(service_database: ServiceDatabases, redis_url: str) -> Iterator[Search]:
    with searching(service_database("auth"), redis_url) as search:
        yield search


@pytest.mark.parametrize("steps", DECISIVE)
def test_sequence_tells_nothing(search: Search, steps: Steps) -> None:
    assert search.differences(steps) == []

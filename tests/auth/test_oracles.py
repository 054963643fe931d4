"""No sequence of calls tells whether an address is registered; ``oracles`` makes all of them."""

from collections.abc import Iterator

import pytest
from flask import Flask

from shared.chassis.access import Access
from shared.chassis.testing.databases import ServiceDatabases
from tests.auth.conftest import AUTH
from tests.auth.oracles import CALLS, LEFT_OUT, Search, Steps, searching

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
    ("move to the address", "undo a move by a guess"),
    ("register", "sign in for an organization"),
]


@pytest.fixture
def search(service_database: ServiceDatabases, redis_url: str) -> Iterator[Search]:
    with searching(service_database("auth"), redis_url) as search:
        yield search


@pytest.mark.parametrize("steps", DECISIVE)
def test_sequence_tells_nothing(search: Search, steps: Steps) -> None:
    assert search.differences(steps) == []


def test_search_makes_every_call_that_anybody_may_make_or_says_why_not(app: Flask) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if _is_public(app, rule.endpoint)]
    public = {rule.rule.removeprefix(f"{AUTH}/") for rule in rules}
    made = {call.path for call in CALLS.values()}

    assert public - made == set(LEFT_OUT)
    assert made - public == {"email/change"}  # for whoever is signed in, and it names an address


def _is_public(app: Flask, endpoint: str) -> bool:
    return getattr(app.view_functions[endpoint], "access", None) == Access("public")

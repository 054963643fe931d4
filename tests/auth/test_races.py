"""The proof against races: four real processes on a real PostgreSQL, everybody at the same instant.

That what serves once serves once is in ``test_single_use``.
"""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from services.auth.models import Session, db
from services.auth.settings import AuthSettings
from shared.chassis.testing.processes import uncounted
from tests.auth.conftest import AUTH, PASSWORD, Mailbox
from tests.auth.crowd import Crowd, statuses
from tests.auth.processes import environment, serving

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]
ADA = "ada@example.org"

THREADS = 64
ROUNDS = 80
CONSUMERS = 50


@pytest.fixture
def server(app: Flask, settings: AuthSettings, redis_url: str, tmp_path: Path) -> Iterator[str]:
    database_url = settings.database_url.get_secret_value()
    log = tmp_path / "auth.log"
    environ = environment(database_url=database_url, redis_url=redis_url)
    with serving(uncounted(environ), log) as url:
        yield url + AUTH


@pytest.fixture
def crowd() -> Iterator[Callable[[int], Crowd]]:
    made: list[Crowd] = []

    def make(size: int) -> Crowd:
        made.append(Crowd(size))
        return made[-1]

    yield make
    for each in made:
        each.close()


def register(server: str, mailbox: Mailbox, email: str = ADA) -> dict[str, Any]:
    httpx.post(f"{server}/register", json={"email": email, "password": PASSWORD}).raise_for_status()
    body = {"email": email, "code": mailbox.code("verify_email", email)}
    pair: dict[str, Any] = httpx.post(f"{server}/verify-email", json=body).raise_for_status().json()
    return pair


def test_tabs_that_refresh_at_once_all_get_one_token_and_nobody_is_signed_out(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd]
) -> None:
    token = register(server, mailbox)["refresh_token"]
    tabs = crowd(THREADS)

    for _ in range(ROUNDS):
        answers = tabs.strike(f"{server}/refresh", {"refresh_token": token})
        assert statuses(answers) == {200: THREADS}
        tokens = {answer.json()["refresh_token"] for answer in answers}
        assert len(tokens) == 1
        assert tokens != {token}
        token = tokens.pop()


def test_worker_killed_between_commit_and_answer_costs_its_client_a_retry(
    app: Flask, settings: AuthSettings, redis_url: str, mailbox: Mailbox, tmp_path: Path
) -> None:
    order = tmp_path / "die"
    environ = environment(
        database_url=settings.database_url.get_secret_value(), redis_url=redis_url, DIE_ONCE=str(order)
    )
    dying = "tests.auth.dying:create_dying_app()"
    with serving(environ, tmp_path / "auth.log", workers=2, app=dying) as url:
        token = register(url + AUTH, mailbox)["refresh_token"]
        order.touch()

        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}{AUTH}/refresh", json={"refresh_token": token})
        counters = read_counters(app)
        retried = httpx.post(f"{url}{AUTH}/refresh", json={"refresh_token": token}, timeout=30)
        body = {"refresh_token": retried.json()["refresh_token"]}
        next_one = httpx.post(f"{url}{AUTH}/refresh", json=body, timeout=30)

    assert not order.exists()
    assert counters == [2]  # it was committed
    assert (retried.status_code, next_one.status_code) == (200, 200)
    assert read_counters(app) == [3]


def read_counters(app: Flask) -> list[int]:
    with app.app_context():
        counters = list(db.session.scalars(db.select(Session.counter)))
        db.session.rollback()
    return counters


def most_guesses(seconds: float) -> int:
    """Eight are free; a slow machine lets the next in after one more second, then two, then four."""
    return 8 + math.floor(math.log2(seconds + 1)) + 1


def test_burst_of_guesses_does_not_outrun_the_count(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd]
) -> None:
    register(server, mailbox)
    begun = time.monotonic()

    answers = crowd(CONSUMERS).strike(f"{server}/login", {"email": ADA, "password": "a wrong guess"})

    assert statuses(answers)[401] <= most_guesses(time.monotonic() - begun)
    assert set(statuses(answers)) == {401, 429}


def test_burst_of_guessed_codes_gets_five_tries(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd]
) -> None:
    httpx.post(f"{server}/register", json={"email": ADA, "password": PASSWORD})
    code = mailbox.code("verify_email")
    wrong = "000000" if code != "000000" else "111111"

    crowd(CONSUMERS).strike(f"{server}/verify-email", {"email": ADA, "code": wrong})

    body = {"email": ADA, "code": code}
    assert httpx.post(f"{server}/verify-email", json=body).status_code in {400, 429}

"""The proof against races: several real processes on a real PostgreSQL, everybody at the same instant.

Nothing here is simulated: four gunicorn worker processes, and as many threads as the issue of races asks for.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from services.auth.settings import AuthSettings
from tests.auth.conftest import AUTH, PASSWORD, Mailbox
from tests.auth.processes import environment, serving

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
ADA = "ada@example.org"
NEXT = "quiet-meadow-41-lantern"

THREADS = 64
ROUNDS = 200
CONSUMERS = 50


@pytest.fixture
def server(app: Flask, settings: AuthSettings, redis_url: str, tmp_path: Path) -> Iterator[str]:
    database_url = settings.database_url.get_secret_value()
    log = tmp_path / "auth.log"
    with serving(environment(database_url=database_url, redis_url=redis_url), log) as url:
        yield url + AUTH


class Crowd:
    """Threads with a connection each, which strike at the same instant."""

    def __init__(self, size: int) -> None:
        self._clients = [httpx.Client(timeout=30) for _ in range(size)]
        self._pool = ThreadPoolExecutor(size)
        self._start = threading.Barrier(size)

    def strike(
        self, url: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> list[httpx.Response]:
        """Everybody POSTs the same; all answers."""

        def post(client: httpx.Client) -> httpx.Response:
            self._start.wait(30)
            return client.post(url, json=body, headers=headers)

        return list(self._pool.map(post, self._clients))

    def close(self) -> None:
        """Let the connections go."""
        self._pool.shutdown()
        for client in self._clients:
            client.close()


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


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


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


@pytest.mark.parametrize("form", ["code", "token"])
def test_of_fifty_that_use_a_verification_one_wins(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd], form: str
) -> None:
    httpx.post(f"{server}/register", json={"email": ADA, "password": PASSWORD})
    body = {"code": mailbox.code("verify_email"), "email": ADA}
    body = body if form == "code" else {"token": mailbox.token("verify_email")}

    answers = crowd(CONSUMERS).strike(f"{server}/verify-email", body)

    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 400, 429}


@pytest.mark.parametrize("form", ["code", "token"])
def test_of_fifty_that_use_a_reset_one_wins(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd], form: str
) -> None:
    register(server, mailbox)
    httpx.post(f"{server}/password/forgot", json={"email": ADA})
    body = {"code": mailbox.code("password_reset"), "email": ADA}
    body = body if form == "code" else {"token": mailbox.token("password_reset")}

    answers = crowd(CONSUMERS).strike(f"{server}/password/reset", {**body, "password": NEXT})

    assert statuses(answers)[204] == 1
    assert set(statuses(answers)) <= {204, 400, 429}


@pytest.mark.parametrize("form", ["code", "token"])
def test_of_fifty_that_use_a_sign_in_code_one_wins(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd], form: str
) -> None:
    register(server, mailbox)
    httpx.post(f"{server}/email-code", json={"email": ADA})
    body = {"code": mailbox.code("sign_in_code"), "email": ADA}
    body = body if form == "code" else {"token": mailbox.token("sign_in_code")}

    answers = crowd(CONSUMERS).strike(f"{server}/email-code/verify", body)

    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 400, 429}


def test_of_fifty_that_confirm_a_new_address_one_wins(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd]
) -> None:
    headers = {"Authorization": f"Bearer {register(server, mailbox)['access_token']}"}
    body = {"new_email": "ada@new.example.org", "password": PASSWORD}
    httpx.post(f"{server}/email/change", json=body, headers=headers)

    answers = crowd(CONSUMERS).strike(
        f"{server}/email/change/confirm", {"code": mailbox.code("email_change_confirm")}, headers
    )

    assert statuses(answers)[204] == 1
    assert set(statuses(answers)) <= {204, 400, 429}


def test_burst_of_guesses_does_not_outrun_the_count(
    server: str, mailbox: Mailbox, crowd: Callable[[int], Crowd]
) -> None:
    register(server, mailbox)

    answers = crowd(CONSUMERS).strike(f"{server}/login", {"email": ADA, "password": "a wrong guess"})

    assert statuses(answers)[401] <= 9  # eight free ones, and one more where a second went by
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

"""Guessing: what it costs the guesser, and that it does not cost the owner the way in."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.auth.app import create_app
from services.auth.models import db
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson
from tests.auth.test_sessions import at

ADA = "ada@example.org"


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """However slow the machine, no wait of a second is over before the test says so."""
    with time_machine.travel(utcnow(), tick=False):
        yield


def guess(client: FlaskClient, email: str, *, ip: str = "198.51.100.7") -> tuple[int, str | None]:
    headers = {"X-Forwarded-For": ip}
    body = {"email": email, "password": "a wrong guess"}
    answer = client.post(f"{AUTH}/login", json=body, headers=headers)
    return answer.status_code, answer.headers.get("Retry-After")


@pytest.mark.usefixtures("stopped_clock")
def test_guesses_are_slowed_down_alike_for_known_and_unknown_addresses(
    new_account: NewPerson, stranger: NewPerson
) -> None:
    new_account()
    client = stranger().client

    known = [guess(client, ADA, ip=f"198.51.100.{number}") for number in range(12)]
    unknown = [guess(client, "no@example.org", ip=f"198.51.100.{number}") for number in range(12)]

    assert [status for status, _ in known] == [401] * 8 + [429] * 4
    assert [status for status, _ in unknown] == [401] * 8 + [429] * 4
    assert all(retry_after for status, retry_after in known if status == 429)


def test_waiting_time_doubles(new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()
    client = stranger().client
    for _ in range(8):
        guess(client, ADA)

    waits = []
    seconds = 0
    for _ in range(4):
        with at(seconds=seconds):
            status, retry_after = guess(client, ADA)
        assert status == 429
        waits.append(int(retry_after or 0))
        seconds += waits[-1]
        with at(seconds=seconds):
            assert guess(client, ADA)[0] == 401

    assert waits[0] <= 2
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(waits))


@pytest.mark.usefixtures("stopped_clock")
def test_device_that_signed_in_before_keeps_its_way_in(new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()
    device = stranger().post("login", email=ADA, password=PASSWORD).headers["X-Device-Token"]
    for number in range(12):
        guess(stranger().client, ADA, ip=f"198.51.100.{number}")

    def sign_in(headers: dict[str, str]) -> int:
        body = {"email": ADA, "password": PASSWORD}
        return stranger().client.post(f"{AUTH}/login", json=body, headers=headers).status_code

    assert sign_in({"X-Device-Token": device}) == 200
    assert sign_in({}) == 429
    assert sign_in({"X-Device-Token": "guessed"}) == 429


@pytest.mark.usefixtures("stopped_clock")
def test_stolen_device_token_is_counted_by_itself(new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()
    device = stranger().post("login", email=ADA, password=PASSWORD).headers["X-Device-Token"]
    headers = {"X-Device-Token": device}

    statuses = [
        stranger().client.post(f"{AUTH}/login", json={"email": ADA, "password": "x"}, headers=headers)
        for _ in range(10)
    ]

    assert [answer.status_code for answer in statuses] == [401] * 8 + [429] * 2


@pytest.mark.usefixtures("stopped_clock")
def test_one_client_that_guesses_at_many_accounts_is_slowed_down(stranger: NewPerson) -> None:
    client = stranger().client

    statuses = [guess(client, f"user{number}@example.org")[0] for number in range(60)]

    assert statuses == [401] * 50 + [429] * 10


def test_guesser_cannot_reset_the_count_of_his_place_with_an_account_of_his_own(
    new_account: NewPerson,
) -> None:
    eve = new_account("eve@example.org")
    own = {"email": "eve@example.org", "password": PASSWORD}
    place = {"X-Forwarded-For": "198.51.100.7"}

    statuses = []
    for number in range(60):
        statuses.append(guess(eve.client, f"user{number}@example.org")[0])
        eve.client.delete_cookie("__Host-doorward-device")
        eve.client.post(f"{AUTH}/login", json=own, headers=place)

    assert statuses.count(401) <= 51


def test_right_password_begins_the_count_anew(new_account: NewPerson) -> None:
    ada = new_account()
    for _ in range(7):
        guess(ada.client, ADA)

    ada.sign_in()

    assert guess(ada.client, ADA)[0] == 401


def test_new_device_is_told_to_the_owner_and_a_known_one_is_not(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    ada.sign_in()
    assert mailbox.messages("signed_in_from_new_device") == []

    body = {"email": ADA, "password": PASSWORD}
    stranger().client.post(f"{AUTH}/login", json=body, headers={"User-Agent": "Somebody else's"})

    (told,) = mailbox.messages("signed_in_from_new_device")
    assert (told["email"], told["ip"]) == (ADA, "127.0.0.1")


def test_mails_that_one_client_address_asks_for_are_limited_and_the_refusal_names_the_limit(
    app: Flask, settings: AuthSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    strict = create_app(settings.model_copy(update={"mail_limit": "3 per 5 minutes"}))
    client = strict.test_client()

    def ask(ip: str) -> TestResponse:
        body = {"email": "nobody@example.org"}
        return client.post(f"{AUTH}/password/forgot", json=body, headers={"X-Forwarded-For": ip})

    answers = [ask("198.51.100.7") for _ in range(4)]
    elsewhere = ask("198.51.100.8")
    with strict.app_context():
        db.engine.dispose()

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1].json["code"] == "rate_limited"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 301
    assert elsewhere.status_code == 202
    assert capfd.readouterr().err.count('"reason":"mail_limit"') == 1

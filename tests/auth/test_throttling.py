"""Guessing: what it costs the guesser, and that it does not cost the owner the way in."""

from collections import Counter
from datetime import timedelta
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
from tests.auth.test_second_factors import challenge, enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"


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
    waits = []
    with time_machine.travel(utcnow(), tick=False) as clock:
        for _ in range(8):
            guess(client, ADA)

        for _ in range(4):
            status, retry_after = guess(client, ADA)
            assert status == 429
            waits.append(int(retry_after or 0))
            clock.shift(waits[-1])
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


@pytest.mark.usefixtures("stopped_clock")
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


def test_typos_of_an_office_now_and_then_never_add_up(app: Flask, settings: AuthSettings) -> None:
    strict = create_app(settings.model_copy(update={"free_failures_per_client": 5}))
    client = strict.test_client()

    statuses = set()
    for number in range(60):
        with at(minutes=50 * number):
            statuses.add(guess(client, f"colleague{number}@example.org")[0])
    with strict.app_context():
        db.engine.dispose()

    assert statuses == {401}


def test_failures_are_forgotten_one_after_the_other(stranger: NewPerson) -> None:
    client = stranger().client
    for _ in range(7):
        guess(client, ADA)

    def burst(**later: float) -> list[int]:
        with time_machine.travel(utcnow() + timedelta(**later), tick=False):
            return [guess(client, ADA)[0] for _ in range(4)]

    bursts = [burst(seconds=451), burst(hours=1), burst(days=1)]

    assert bursts == [[401, 401, 429, 429], [401] * 4, [401] * 4]


def sign_in_with(device: str, password: str, client: FlaskClient) -> int:
    body = {"email": ADA, "password": password}
    return client.post(f"{AUTH}/login", json=body, headers={"X-Device-Token": device}).status_code


def new_device(stranger: NewPerson) -> str:
    return stranger().post("login", email=ADA, password=PASSWORD).headers["X-Device-Token"]


@pytest.mark.usefixtures("stopped_clock")
def test_many_known_devices_give_few_more_guesses_than_one(
    new_account: NewPerson, stranger: NewPerson
) -> None:
    new_account()
    devices = [new_device(stranger) for _ in range(10)]
    client = stranger().client

    statuses = Counter(sign_in_with(device, "x", client) for device in devices for _ in range(8))

    assert statuses == {401: 24, 429: 56}


def test_account_knows_its_latest_devices_only(new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()
    first, *others = [new_device(stranger) for _ in range(21)]
    for number in range(9):
        guess(stranger().client, ADA, ip=f"198.51.100.{number}")
    client = stranger().client

    statuses = [sign_in_with(device, PASSWORD, client) for device in (first, others[0], others[-1])]

    assert statuses == [429, 200, 200]


@pytest.mark.usefixtures("stopped_clock")
def test_known_device_keeps_its_way_past_the_second_factor(
    new_account: NewPerson, stranger: NewPerson
) -> None:
    ada = new_account()
    _, codes = enable_totp(ada)
    for _ in range(9):  # somebody knows the password
        stranger().post("mfa/verify", mfa_token=challenge(stranger(ADA)), code="000000")

    def finish(**headers: str) -> int:
        body = {"mfa_token": challenge(ada), "code": codes[0]}
        return app_client.post(f"{AUTH}/mfa/verify", json=body, headers=headers).status_code

    app_client = stranger().client
    device = ada.client.get_cookie("__Host-doorward-device")
    assert device is not None

    assert [finish(), finish(**{"X-Device-Token": device.value})] == [429, 200]


@pytest.mark.usefixtures("stopped_clock")
def test_guesses_at_the_second_factor_from_a_known_device_are_counted(new_account: NewPerson) -> None:
    ada = new_account()
    enable_totp(ada)
    ticket = challenge(ada)

    statuses = [ada.post("mfa/verify", mfa_token=ticket, code="000000").status_code for _ in range(10)]

    assert statuses == [400] * 8 + [429] * 2

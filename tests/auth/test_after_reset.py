"""After the owner's reset nothing works that an intruder had prepared, and mail told the owner of each."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from services.auth.settings import AuthSettings
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until
from tests.auth.authenticator import Authenticator
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.locks import account_locked, waiting
from tests.auth.test_introspection import exchange_answer
from tests.auth.test_passkeys import add, sign_in
from tests.auth.test_second_factors import challenge, enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"
OWNERS_NEXT = "quiet-meadow-41-lantern"
INTRUDERS_NEXT = "copper-island-55-thistle"

Door = Callable[[Person], Callable[[], TestResponse]]


@pytest.fixture
def ada(new_account: NewPerson) -> Person:
    return new_account()


@pytest.fixture
def intruder(ada: Person, stranger: NewPerson) -> Person:
    """Somebody with the password and a copy of the session."""
    return Person(stranger().client, ADA, PASSWORD, dict(ada.pair))


@pytest.fixture
def reset(ada: Person, mailbox: Mailbox) -> Callable[[], None]:
    """The owner cleans up."""

    def reset() -> None:
        ada.post("password/forgot", email=ADA)
        code = mailbox.code("password_reset")
        assert ada.post("password/reset", email=ADA, code=code, password=OWNERS_NEXT).status_code == 204

    return reset


def password(intruder: Person) -> Callable[[], TestResponse]:
    return lambda: intruder.post("login", email=ADA, password=PASSWORD)


def session(intruder: Person) -> Callable[[], TestResponse]:
    return intruder.refresh


def begun_sign_in(intruder: Person) -> Callable[[], TestResponse]:
    _, codes = enable_totp(intruder)
    ticket = challenge(intruder)
    return lambda: intruder.post("mfa/verify", mfa_token=ticket, code=codes[0])


def known_device(intruder: Person) -> Callable[[], TestResponse]:
    intruder.sign_in()  # its client keeps the device's cookie

    def guess() -> TestResponse:
        for number in range(12):
            place = {"X-Forwarded-For": f"198.51.100.{number}"}
            intruder.client.post("/api/v1/auth/login", json={"email": ADA, "password": "x"}, headers=place)
        return intruder.post("login", email=ADA, password=OWNERS_NEXT)

    return guess


def passkey(intruder: Person) -> Callable[[], TestResponse]:
    authenticator = Authenticator()
    assert add(intruder, authenticator).status_code == 201
    return lambda: sign_in(intruder, authenticator)


DOORS = {
    "the password": password,
    "a session": session,
    "a begun sign-in": begun_sign_in,
    "a known device": known_device,
    "a passkey": passkey,
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_door_of_before_is_shut(intruder: Person, reset: Callable[[], None], door: Door) -> None:
    enter = door(intruder)

    with at(minutes=2):
        reset()
        answer = enter()

    assert answer.status_code in {400, 401, 403, 404, 429}, answer.json


def test_api_key_of_before_is_worth_nothing(
    settings: AuthSettings, intruder: Person, reset: Callable[[], None]
) -> None:
    made = intruder.call("POST", "api-keys", name="intruder's key", scopes=["account"])
    assert exchange_answer(intruder, made.json["key"], settings).status_code == 200

    with at(minutes=2):
        reset()
        answer = exchange_answer(intruder, made.json["key"], settings)

    assert answer.status_code == 401


def test_change_of_address_under_way_is_over(
    intruder: Person, reset: Callable[[], None], mailbox: Mailbox
) -> None:
    with at(minutes=2):
        intruder.call("POST", "email/change", new_email="eve@example.org", password=PASSWORD)
        code = mailbox.code("email_change_confirm")
    with at(minutes=4):
        reset()
        answer = intruder.call("POST", "email/change/confirm", code=code)

    assert answer.status_code in {400, 401}


def test_change_of_the_password_in_flight_loses(
    app: Flask,
    service_database: ServiceDatabases,
    ada: Person,
    intruder: Person,
    mailbox: Mailbox,
) -> None:
    """Both wait for the account: the reset comes first, then the change that has proven the old password."""
    url = service_database("auth").url
    with at(minutes=2), ThreadPoolExecutor(2) as pool:
        ada.post("password/forgot", email=ADA)
        code = mailbox.code("password_reset")
        with account_locked(url, ADA):
            resetting = pool.submit(ada.post, "password/reset", email=ADA, code=code, password=OWNERS_NEXT)
            wait_until(lambda: waiting(url) == 1, what="the reset")
            body = {"current_password": PASSWORD, "new_password": INTRUDERS_NEXT}
            changing = pool.submit(intruder.call, "POST", "password/change", **body)
            wait_until(lambda: waiting(url) == 2, what="the change")
        assert resetting.result().status_code == 204
        changing.result()
        answers = [ada.post("login", email=ADA, password=each) for each in (OWNERS_NEXT, INTRUDERS_NEXT)]

    assert [answer.status_code for answer in answers] == [200, 401]


def test_mail_to_the_owner_names_each(intruder: Person, reset: Callable[[], None], mailbox: Mailbox) -> None:
    intruder.call("POST", "api-keys", name="key of eve", scopes=["account"])
    add(intruder, Authenticator(), name="phone of eve")
    with at(minutes=2):
        intruder.call("POST", "email/change", new_email="eve@example.org", password=PASSWORD)
        mailbox.messages()
    with at(minutes=4):
        reset()
    told = json.dumps([mail for mail in mailbox.messages() if mail["to_email"] == ADA])
    told += json.dumps(mailbox.messages("password_changed"))

    assert [name for name in ("key of eve", "phone of eve", "email_change_notice") if name not in told] == []

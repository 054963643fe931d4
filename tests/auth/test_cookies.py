"""Cookie mode: the session's tokens in cookies that no script can read, from sign-in to sign-out.

The gateway takes the cookies and sends an Authorization on; here a test does so in its place.
"""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete
from werkzeug.test import TestResponse

from services.auth.models import Session, db
from shared.chassis.database import transaction
from shared.chassis.testing.tokens import bearer
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_second_factors import enable_totp
from tests.auth.test_sessions import at

ADA = "ada@example.org"
BY_COOKIE = {"Token-Delivery": "cookie"}
ACCESS, REFRESH, DEVICE = (f"__Host-doorward-{name}" for name in ("access", "refresh", "device"))


def cookies_of(answer: TestResponse) -> dict[str, Morsel[str]]:
    found: SimpleCookie = SimpleCookie()
    for field in answer.headers.getlist("Set-Cookie"):
        found.load(field)
    return dict(found)


def post(person: Person, path: str, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
    options: dict[str, Any] = {"json": body} if body else {}
    return person.client.post(f"{AUTH}/{path}", headers={**BY_COOKIE, **(headers or {})}, **options)


def sign_in(person: Person) -> dict[str, Morsel[str]]:
    answer = post(person, "login", email=person.email, password=PASSWORD)
    assert answer.status_code == 200, answer.json
    return cookies_of(answer)


def test_tokens_come_in_cookies_that_no_script_can_read(new_account: NewPerson) -> None:
    ada = new_account()

    answer = post(ada, "login", email=ADA, password=PASSWORD)
    cookies = cookies_of(answer)

    assert set(answer.json) == {"expires_in", "refresh_expires_in"}
    assert answer.headers["Cache-Control"] == "no-store"
    for name, seconds in ((ACCESS, "expires_in"), (REFRESH, "refresh_expires_in")):
        morsel = cookies[name]
        assert (morsel["path"], morsel["domain"], morsel["samesite"]) == ("/", "", "Strict")
        assert morsel["secure"]
        assert morsel["httponly"]
        assert morsel["max-age"] == str(answer.json[seconds])
    assert ada.client.get(f"{AUTH}/sessions", headers=bearer(cookies[ACCESS].value)).status_code == 200


def test_device_is_known_by_a_cookie_alone(new_account: NewPerson, stranger: NewPerson) -> None:
    new_account()

    in_cookies = post(stranger(), "login", email=ADA, password=PASSWORD)
    in_body = stranger().post("login", email=ADA, password=PASSWORD)

    assert cookies_of(in_cookies)[DEVICE]["httponly"]
    assert "X-Device-Token" not in in_cookies.headers
    assert in_body.headers["X-Device-Token"]


def test_every_way_to_sign_in_can_end_in_cookies(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    eve = stranger("eve@example.org")
    eve.post("register", email=eve.email, password=PASSWORD)
    ada = new_account()
    generator, codes = enable_totp(ada)
    ticket = ada.post("login", email=ADA, password=PASSWORD).json["mfa_token"]
    verification = mailbox.code("verify_email", eve.email)

    answers = [
        post(eve, "verify-email", email=eve.email, code=verification),
        post(ada, "mfa/verify", mfa_token=ticket, code=generator.now()),
        post(ada, "reauthenticate", ada.headers, password=PASSWORD, code=codes[0]),
    ]
    with at(minutes=2):
        eve.post("email-code", email=eve.email)
        sign_in_code = mailbox.code("sign_in_code", eve.email)
        answers.append(post(eve, "email-code/verify", email=eve.email, code=sign_in_code))

    assert [answer.status_code for answer in answers] == [200] * 4
    assert all({ACCESS, REFRESH} <= cookies_of(answer).keys() for answer in answers)
    assert not any("token" in member for answer in answers for member in answer.json)


def test_refresh_trades_the_cookies(new_account: NewPerson) -> None:
    ada = new_account()
    first = sign_in(ada)

    answer = post(ada, "refresh", bearer(first[REFRESH].value), refresh_token="another, which does not count")
    second = cookies_of(answer)

    assert (answer.status_code, set(answer.json)) == (200, {"expires_in", "refresh_expires_in"})
    assert second[REFRESH].value != first[REFRESH].value


@pytest.mark.parametrize("path", ["refresh", "logout"])
def test_worthless_cookies_are_cleared(new_account: NewPerson, path: str) -> None:
    answer = post(new_account(), path, bearer("nonsense"))

    assert (answer.status_code, answer.json["code"]) == (401, "refresh_token_invalid")
    assert_cleared(answer)


def assert_cleared(answer: TestResponse) -> None:
    cookies = cookies_of(answer)
    for name in (ACCESS, REFRESH):
        morsel = cookies[name]
        assert (morsel.value, morsel["max-age"], morsel["path"]) == ("", "0", "/")
        assert morsel["secure"]  # without which a browser does not believe the name


def test_signing_out_ends_the_session_and_clears_the_cookies(new_account: NewPerson) -> None:
    ada = new_account()
    cookies = sign_in(ada)

    with at(minutes=20):  # the access token's time is over, as its cookie's
        answers = [post(ada, "logout", bearer(cookies[REFRESH].value)) for _ in range(2)]
        refreshed = post(ada, "refresh", bearer(cookies[REFRESH].value))

    assert [answer.status_code for answer in answers] == [204, 204]
    for answer in (*answers, refreshed):
        assert_cleared(answer)
    assert refreshed.json["code"] == "session_revoked"


def test_signing_out_of_a_session_that_is_gone_clears_the_cookies(app: Flask, new_account: NewPerson) -> None:
    ada = new_account()
    cookies = sign_in(ada)
    with app.app_context(), transaction(db) as session:
        session.execute(delete(Session))

    answer = post(ada, "logout", bearer(cookies[REFRESH].value))

    assert answer.status_code == 204
    assert_cleared(answer)


def test_signing_out_everywhere_clears_the_cookies(new_account: NewPerson) -> None:
    ada = new_account()

    answer = post(ada, "logout-all", ada.headers)

    assert answer.status_code == 204
    assert_cleared(answer)


def test_signing_out_without_cookies_still_asks_who_it_is(new_account: NewPerson) -> None:
    ada = new_account()

    answer = ada.post("logout")

    assert (answer.status_code, answer.json["code"]) == (401, "token_missing")
    assert cookies_of(answer) == {}

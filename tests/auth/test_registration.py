"""Registering and verifying, over HTTP on the real database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from services.auth.models import Account, db
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson

ADA = "ada@example.org"


def test_whoever_registers_gets_a_code_and_with_it_a_session(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()

    registered = ada.post("register", email=ADA, password=PASSWORD, name="Ada")
    verified = ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))

    assert (registered.status_code, registered.json) == (202, {"status": "verification_sent"})
    assert verified.status_code == 200
    assert set(verified.json) == {
        "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in",
    }  # fmt: skip
    assert len(mailbox.messages("account_registered")) == 1
    assert len(mailbox.messages("account_verified")) == 2  # one for each subscriber


def test_link_of_the_mail_verifies_by_post_and_only_once(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    token = mailbox.token("verify_email")

    looked_at = ada.client.get(f"{AUTH}/verify-email?token={token}")
    first = ada.post("verify-email", token=token)
    second = ada.post("verify-email", token=token)

    assert [looked_at.status_code, first.status_code, second.status_code] == [405, 200, 400]
    assert second.json["code"] == "code_invalid"


def test_hundred_registrations_of_one_address_make_one_account_and_one_mail(
    app: Flask, stranger: NewPerson, mailbox: Mailbox
) -> None:
    def register(_number: int) -> int:
        return stranger().post("register", email=ADA, password=PASSWORD).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = set(pool.map(register, range(100)))

    assert statuses == {202}
    assert mailbox.templates() == ["verify_email"]
    assert len(mailbox.messages("account_registered")) == 1
    with app.app_context():
        assert db.session.query(Account).count() == 1
    ada = stranger()
    ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))
    assert ada.post("login", email=ADA, password=PASSWORD).status_code == 200


def test_known_address_is_told_by_mail_and_the_answer_is_the_same(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    new_account()

    again = stranger().post("register", email="ADA@Example.org", password="another-long-one-77")
    fresh = stranger().post("register", email="bob@example.org", password="another-long-one-77")

    assert (again.status_code, again.data) == (fresh.status_code, fresh.data)
    assert {name for name, _ in again.headers} == {name for name, _ in fresh.headers}
    assert mailbox.templates(ADA) == ["verify_email", "account_exists"]


def test_stranger_who_registered_first_does_not_choose_the_owners_password(
    stranger: NewPerson, mailbox: Mailbox
) -> None:
    eve, ada = stranger(), stranger()
    eve.post("register", email=ADA, password="password-that-eve-chose")
    ada.post("register", email=ADA, password=PASSWORD)

    verified = ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))

    assert verified.status_code == 200
    assert eve.post("login", email=ADA, password="password-that-eve-chose").status_code == 401


def test_unverified_account_may_not_sign_in_and_only_its_owner_is_told(stranger: NewPerson) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)

    right = ada.post("login", email=ADA, password=PASSWORD)
    wrong = ada.post("login", email=ADA, password="something else")

    assert (right.status_code, right.json["code"]) == (403, "email_not_verified")
    assert (wrong.status_code, wrong.json["code"]) == (401, "invalid_credentials")


def test_five_wrong_codes_make_the_right_one_worthless(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    code = mailbox.code("verify_email")
    wrong = "000000" if code != "000000" else "111111"

    guesses = [ada.post("verify-email", email=ADA, code=wrong).status_code for _ in range(5)]
    right = ada.post("verify-email", email=ADA, code=code)

    assert guesses == [400] * 5
    assert (right.status_code, right.json["code"]) == (400, "code_invalid")


def test_second_mail_within_a_minute_is_not_sent(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    ada.post("verify-email/resend", email=ADA)
    ada.post("verify-email/resend", email="nobody@example.org")

    assert mailbox.templates() == ["verify_email"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"email": "not an address", "password": PASSWORD}, "/email"),
        ({"email": "ada@localhost", "password": PASSWORD}, "/email"),
        ({"email": "ada@example.invalid", "password": PASSWORD}, "/email"),
        ({"email": ADA}, "/password"),
        ({"email": ADA, "password": "short"}, "/password"),
        ({"email": ADA, "password": "password123"}, "/password"),
        ({"email": ADA, "password": "ada@example.org"}, "/password"),
        ({"email": ADA, "password": "x" * 600}, "/password"),
        ({"email": ADA, "password": "nul\u0000nul-nul-nul"}, "/password"),
        ({"email": ADA, "password": PASSWORD, "name": "x" * 1000}, "/name"),
        ({"email": ADA, "password": PASSWORD, "roles": ["admin"]}, "/roles"),
        ({"email": ADA, "password": PASSWORD, "locale": "../../etc"}, "/locale"),
        ({"email": 7, "password": PASSWORD}, "/email"),
    ],
)
def test_bad_registrations_answer_422_and_store_nothing(
    app: Flask, stranger: NewPerson, body: dict[str, object], pointer: str
) -> None:
    answer = stranger().post("register", **body)

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    with app.app_context():
        assert db.session.query(Account).count() == 0


def test_idempotency_key_gives_the_first_answer_again(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    headers = {"Idempotency-Key": "once"}
    body = {"email": ADA, "password": PASSWORD}

    first = ada.client.post(f"{AUTH}/register", json=body, headers=headers)
    second = ada.client.post(f"{AUTH}/register", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["Idempotency-Replayed"] == "true"

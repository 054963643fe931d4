"""Passwords forgotten, reset and changed; signing in by mail; getting another address."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from services.auth.models import Account, db
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_sessions import at

ADA = "ada@example.org"
NEW = "ada@new.example.org"
NEXT = "quiet-meadow-41-lantern"
ChangeAccount = Callable[..., UUID]


def test_forgotten_password_is_reset_by_code_and_every_session_ends(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)

    answer = ada.post("password/reset", email=ADA, code=mailbox.code("password_reset"), password=NEXT)

    assert answer.status_code == 204
    assert ada.refresh().json["code"] == "session_revoked"
    assert ada.post("login", email=ADA, password=PASSWORD).status_code == 401
    assert ada.post("login", email=ADA, password=NEXT).status_code == 200
    (told,) = mailbox.messages("password_changed")
    assert (told["email"], told["display_name"], told["locale"]) == (ADA, "Ada", "en")


def test_reset_link_works_once(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)
    token = mailbox.token("password_reset")

    statuses = [ada.post("password/reset", token=token, password=NEXT).status_code for _ in range(2)]

    assert statuses == [204, 400]


def test_reset_link_takes_no_password_made_of_its_owners_address(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)
    token = mailbox.token("password_reset")

    answers = [ada.post("password/reset", token=token, password=password) for password in (ADA, NEXT)]

    assert [answer.status_code for answer in answers] == [422, 204]
    assert answers[0].json["code"] == "password_too_weak"


def test_only_the_newest_reset_code_counts(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)
    first = mailbox.token("password_reset")
    with at(seconds=61):
        ada.post("password/forgot", email=ADA)
        second = mailbox.token("password_reset")

        answers = [ada.post("password/reset", token=token, password=NEXT) for token in (first, second)]

    assert [answer.status_code for answer in answers] == [400, 204]


def test_reset_code_dies_after_an_hour(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)
    token = mailbox.token("password_reset")

    with at(minutes=61):
        answer = ada.post("password/reset", token=token, password=NEXT)

    assert answer.json["code"] == "code_invalid"


def test_weak_new_password_does_not_use_the_code_up(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    ada.post("password/forgot", email=ADA)
    token = mailbox.token("password_reset")

    weak = ada.post("password/reset", token=token, password="password1")
    strong = ada.post("password/reset", token=token, password=NEXT)

    assert (weak.status_code, weak.json["code"]) == (422, "password_too_weak")
    assert strong.status_code == 204


def test_change_of_password_ends_the_other_sessions_and_keeps_this_one(
    new_account: NewPerson, stranger: NewPerson
) -> None:
    other, ada = new_account(), stranger().sign_in()

    answer = ada.call("POST", "password/change", current_password=PASSWORD, new_password=NEXT)

    assert answer.status_code == 204
    assert other.refresh().json["code"] == "session_revoked"
    assert ada.refresh().status_code == 200


def test_change_of_password_needs_the_present_one(new_account: NewPerson) -> None:
    answer = new_account().call("POST", "password/change", current_password="wrong", new_password=NEXT)

    assert (answer.status_code, answer.json["code"]) == (401, "invalid_credentials")


@pytest.mark.parametrize("form", ["code", "link"])
def test_mailed_code_or_link_signs_in_without_a_password(
    new_account: NewPerson, mailbox: Mailbox, form: str
) -> None:
    ada = new_account()
    ada.post("email-code", email=ADA)
    variables = {"code": mailbox.code("sign_in_code"), "email": ADA}
    body = variables if form == "code" else {"token": mailbox.token("sign_in_code")}

    first, second = (ada.post("email-code/verify", **body) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 400)


def test_nobody_is_mailed_at_an_unknown_or_disabled_address(
    new_account: NewPerson, change_account: ChangeAccount, mailbox: Mailbox
) -> None:
    ada = new_account()
    change_account(ADA, is_active=False)
    before = len(mailbox.messages())

    statuses = {
        ada.post(path, email=email).status_code
        for path in ("password/forgot", "email-code")
        for email in (ADA, "nobody@example.org")
    }

    assert statuses == {202}
    assert len(mailbox.messages()) == before


def test_disabled_account_is_told_so_only_after_the_right_password(
    new_account: NewPerson, change_account: ChangeAccount
) -> None:
    ada = new_account()
    change_account(ADA, is_active=False)

    right = ada.post("login", email=ADA, password=PASSWORD)
    wrong = ada.post("login", email=ADA, password="wrong")

    assert (right.json["code"], wrong.json["code"]) == ("account_disabled", "invalid_credentials")
    assert ada.refresh().json["code"] == "session_revoked"


def test_new_address_is_taken_over_by_its_code_and_both_are_told(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    other, ada = new_account(), stranger().sign_in()
    ada.call("POST", "email/change", new_email="Ada@New.example.org", password=PASSWORD)

    answer = ada.call(
        "POST", "email/change/confirm", code=mailbox.code("email_change_confirm", "ada@new.example.org")
    )

    assert answer.status_code == 204
    assert {"email_change_notice", "email_changed_undo"} <= set(mailbox.templates(ADA))
    assert ada.refresh().status_code == 200
    assert other.refresh().status_code == 401
    assert ada.post("login", email="ada@new.example.org", password=PASSWORD).status_code == 200
    assert len(mailbox.messages("email_changed")) == 2


def asked_to_change(person: Person, mailbox: Mailbox) -> str:
    """The token of the link that went to the new address."""
    person.call("POST", "email/change", new_email=NEW, password=PASSWORD)
    return mailbox.token("email_change_confirm", NEW)


def test_link_of_the_change_works_where_its_owner_is_signed_in(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    token = asked_to_change(ada, mailbox)

    answers = [ada.call("POST", "email/change/confirm", token=token) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 400]
    assert ada.refresh().status_code == 200
    assert ada.post("login", email=NEW, password=PASSWORD).status_code == 200
    assert "email_changed" in mailbox.templates(NEW)


def test_link_of_the_change_works_elsewhere_with_the_password(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    token = asked_to_change(ada, mailbox)
    phone = stranger()

    answers = [
        phone.post("email/change/confirm", token=token, password=password)
        for password in ("a wrong guess", PASSWORD, PASSWORD)
    ]

    assert [answer.status_code for answer in answers] == [401, 204, 400]
    assert ada.refresh().json["code"] == "session_revoked"
    assert phone.post("login", email=NEW, password=PASSWORD).status_code == 200


def test_link_of_the_change_gives_nothing_to_a_stranger_whose_address_was_mistyped(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    eve, ada = new_account("eve@example.org"), new_account()
    token = asked_to_change(ada, mailbox)

    answers = [
        eve.post("email/change/confirm", token=token),
        eve.call("POST", "email/change/confirm", token=token),
        eve.post("email/change/confirm", token="nonsense", password=PASSWORD),
    ]

    assert [answer.json["code"] for answer in answers] == ["token_missing", "code_invalid", "code_invalid"]
    assert ada.call("POST", "email/change/confirm", token=token).status_code == 204  # none used it up


@pytest.mark.usefixtures("stopped_clock")
def test_password_guesses_with_a_link_are_counted(new_account: NewPerson, mailbox: Mailbox) -> None:
    ada = new_account()
    token = asked_to_change(ada, mailbox)
    stranger = {"User-Agent": "another", "Cookie": ""}

    statuses = [
        ada.client.post(
            f"{AUTH}/email/change/confirm",
            json={"token": token, "password": f"guess-{number}"},
            headers=stranger,
        ).status_code
        for number in range(10)
    ]

    assert statuses == [401] * 8 + [429] * 2


@pytest.mark.parametrize(
    "body",
    [{}, {"password": PASSWORD}, {"code": "123456", "token": "t"}, {"code": "123456", "password": PASSWORD}],
)
def test_change_is_confirmed_in_one_of_its_forms(new_account: NewPerson, body: dict[str, str]) -> None:
    assert new_account().call("POST", "email/change/confirm", **body).status_code == 422


def test_taken_address_is_told_to_its_owner_and_to_nobody_else(
    new_account: NewPerson, mailbox: Mailbox
) -> None:
    new_account("bob@example.org")
    ada = new_account()

    answer = ada.call("POST", "email/change", new_email="bob@example.org", password=PASSWORD)

    assert answer.status_code == 202
    assert mailbox.templates("bob@example.org")[-1] == "account_exists"
    assert "email_change_confirm" not in mailbox.templates()


def test_address_that_was_taken_meanwhile_is_not_taken_over(
    app: Flask, new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    ada.call("POST", "email/change", new_email="bob@example.org", password=PASSWORD)
    code = mailbox.code("email_change_confirm")
    with at(minutes=1):
        new_account("bob@example.org")

    answer = ada.call("POST", "email/change/confirm", code=code)

    assert (answer.status_code, answer.json["code"]) == (409, "address_taken")
    with app.app_context():
        assert db.session.query(Account).filter_by(email=ADA).count() == 1

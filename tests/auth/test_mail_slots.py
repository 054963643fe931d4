"""What others can have mailed to one address: a mail a minute, and so many a day, over all kinds."""

from collections.abc import Iterator

import jwt
import pytest
from flask import Flask

from services.auth.app import create_app
from services.auth.models import db
from services.auth.settings import AuthSettings
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_sessions import at

ADA = "ada@example.org"
NEXT = "quiet-meadow-41-lantern"
KINDS = ("password/forgot", "email-code", "register")


@pytest.fixture
def sparing(settings: AuthSettings) -> Iterator[Flask]:
    """auth that sends three mails a day to an address."""
    app = create_app(settings.model_copy(update={"mails_per_day": 3}))
    yield app
    with app.app_context():
        db.engine.dispose()


def ask(somebody: Person, kind: str, email: str = ADA) -> None:
    body = {"email": email, "password": PASSWORD} if kind == "register" else {"email": email}
    assert somebody.post(kind, **body).status_code == 202


@pytest.mark.parametrize("first", KINDS)
def test_address_gets_one_mail_a_minute_over_all_kinds(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox, first: str
) -> None:
    new_account()
    before = len(mailbox.templates(ADA))

    for kind in (first, *KINDS):
        ask(stranger(), kind)
    in_a_minute = len(mailbox.templates(ADA)) - before
    with at(seconds=61):
        ask(stranger(), first)
        later = len(mailbox.templates(ADA)) - before

    assert (in_a_minute, later) == (1, 2)


def test_address_gets_so_many_mails_a_day(new_account: NewPerson, sparing: Flask, mailbox: Mailbox) -> None:
    new_account()
    stranger, sparing_mailbox = Person(sparing.test_client()), Mailbox(sparing)
    before = len(mailbox.templates(ADA))

    for number in range(9):
        with at(minutes=2 * (number + 1)):
            ask(stranger, KINDS[number % 3])
            sparing_mailbox.messages()
    at_once = len(sparing_mailbox.templates(ADA)) - before
    with at(hours=9):
        ask(stranger, KINDS[0])
        later = len(sparing_mailbox.templates(ADA)) - before

    assert (at_once, later) == (3, 4)


def test_code_that_is_used_makes_room_for_the_next_mail(
    new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    new_account()
    ask(stranger(), "email-code")
    stranger().post("email-code/verify", email=ADA, code=mailbox.code("sign_in_code"))

    ask(stranger(), "password/forgot")

    assert mailbox.templates(ADA)[-1] == "password_reset"


def test_address_that_several_want_to_move_to_gets_one_mail(new_account: NewPerson, mailbox: Mailbox) -> None:
    for name in ("eve", "bob"):
        asker = new_account(f"{name}@example.org")
        asker.call("POST", "email/change", new_email="target@example.org", password=PASSWORD)

    assert mailbox.templates("target@example.org") == ["email_change_confirm"]


def test_owner_is_told_of_changes_however_many_mails_others_have_caused(
    new_account: NewPerson, sparing: Flask
) -> None:
    ada, sparing_mailbox = new_account(), Mailbox(sparing)
    stranger = Person(sparing.test_client())
    for number in range(4):
        with at(minutes=2 * (number + 1)):
            ask(stranger, "email-code")
            sparing_mailbox.messages()

    ada.call("POST", "password/change", current_password=PASSWORD, new_password=NEXT)

    assert len(sparing_mailbox.messages("password_changed")) == 1


def test_administrator_gives_an_address_its_mails_back(
    admin: Person, new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    path = f"accounts/{account_id(ada)}"
    ask(stranger(), "email-code")
    before = mailbox.templates(ADA)
    counted = {each["kind"] for each in admin.call("GET", path).json["refusals"]}

    assert admin.call("POST", f"{path}/unblock").status_code == 204
    ask(stranger(), "password/forgot")

    assert "mail" in counted
    assert mailbox.templates(ADA) == [*before, "password_reset"]  # in the same minute


def account_id(person: Person) -> str:
    claims = jwt.decode(person.pair["access_token"], options={"verify_signature": False})
    return str(claims["sub"])

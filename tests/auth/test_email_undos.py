"""The link that went to the former address takes it back, whatever an intruder has done since."""

from collections.abc import Callable

import pytest
from flask import Flask

from services.auth.accounts.email_undos import MOST_LINKS
from services.auth.models import AuditEvent, db
from services.auth.settings import AuthSettings
from tests.auth.conftest import PASSWORD, Mailbox, NewPerson, Person
from tests.auth.test_second_factors import challenge, enable_totp
from tests.auth.test_sessions import at

ADA, EVE = "ada@example.org", "eve@example.org"
NEXT = "quiet-meadow-41-lantern"
Move = Callable[[Person, str], None]


@pytest.fixture
def move(mailbox: Mailbox) -> Move:
    """Change an account's address."""

    def move(person: Person, new_email: str) -> None:
        asked = person.call("POST", "email/change", new_email=new_email, password=person.password)
        code = mailbox.code("email_change_confirm", new_email)
        confirmed = person.call("POST", "email/change/confirm", code=code)
        assert (asked.status_code, confirmed.status_code) == (202, 204)
        person.email = new_email

    return move


@pytest.fixture
def moved(new_account: NewPerson, move: Move) -> Person:
    """An intruder with the password and the session, who has changed the address."""
    intruder = new_account()
    move(intruder, EVE)
    return intruder


def undo(person: Person, token: str) -> int:
    return person.post("email/change/undo", token=token).status_code


def test_owner_takes_the_address_back_and_the_intruder_is_out(moved: Person, mailbox: Mailbox) -> None:
    key = moved.call("POST", "api-keys", name="mine", scopes=["account"])
    link = mailbox.newest("email_changed_undo", ADA)

    answers = [undo(moved, mailbox.token("email_changed_undo", ADA)) for _ in range(2)]

    assert key.status_code == 201
    assert (link["days"], answers) == ("7", [204, 400])
    assert moved.refresh().status_code == 401
    assert [moved.post("login", email=email, password=PASSWORD).status_code for email in (ADA, EVE)] == [
        401
    ] * 2
    code = mailbox.code("password_reset", ADA)
    assert moved.post("password/reset", email=ADA, code=code, password=NEXT).status_code == 204
    owner = Person(moved.client, ADA, NEXT).sign_in()
    assert owner.call("GET", "api-keys").json["items"] == []
    assert mailbox.templates(EVE)[-1] == "email_changed"  # without a link of its own
    changes = mailbox.messages("email_changed")
    assert [(change["old_email"], change["new_email"]) for change in changes][::2] == [(ADA, EVE), (EVE, ADA)]
    ended = mailbox.messages("password_changed")[0]
    assert (ended["email"], ended["is_reset"], ended["ended_api_keys"]) == (ADA, True, ["mine"])


def test_link_outlives_what_the_intruder_does_next(moved: Person, mailbox: Mailbox, move: Move) -> None:
    token = mailbox.token("email_changed_undo", ADA)
    with at(minutes=2):
        moved.post("password/forgot", email=EVE)
        code = mailbox.code("password_reset", EVE)
        assert moved.post("password/reset", email=EVE, code=code, password=NEXT).status_code == 204
        moved.password = NEXT
        move(moved.sign_in(), "mal@example.org")
        assert moved.call("POST", "logout-all").status_code == 204
        later = mailbox.token("email_changed_undo", EVE)

        assert undo(moved, token) == 204
        assert undo(moved, later) == 400  # what the intruder was sent is worth nothing

    assert mailbox.templates(ADA)[-1] == "password_reset"


def test_first_links_stay_however_often_the_address_is_changed(
    moved: Person, mailbox: Mailbox, move: Move
) -> None:
    token = mailbox.token("email_changed_undo", ADA)
    for number in range(MOST_LINKS):
        with at(minutes=2 * number + 2):
            move(moved, f"eve{number}@example.org")

    assert mailbox.templates().count("email_changed_undo") == MOST_LINKS
    assert undo(moved, token) == 204


def test_link_ends_with_its_time(moved: Person, mailbox: Mailbox) -> None:
    token = mailbox.token("email_changed_undo", ADA)

    with at(days=7, minutes=1):
        assert undo(moved, token) == 400


def test_address_that_somebody_else_has_by_now_is_not_taken_from_them(
    moved: Person, mailbox: Mailbox, new_account: NewPerson
) -> None:
    token = mailbox.token("email_changed_undo", ADA)
    with at(minutes=2):
        new_account(ADA)

        answer = moved.post("email/change/undo", token=token)

    assert (answer.status_code, answer.json["code"]) == (409, "address_taken")


class TestWithoutUndo:
    @pytest.fixture
    def settings(self, settings: AuthSettings) -> AuthSettings:
        return settings.model_copy(update={"email_undo_days": 0})

    def test_former_address_is_told_all_the_same(self, moved: Person, mailbox: Mailbox) -> None:
        assert mailbox.templates(ADA)[-1] == "email_changed"


def test_change_takes_the_second_factor_where_there_is_one(
    app: Flask, new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    generator, _ = enable_totp(ada)
    body = {"new_email": EVE, "password": PASSWORD}

    without = ada.call("POST", "email/change", **body)
    wrong = ada.call("POST", "email/change", **body, code="000000")
    mailed = mailbox.templates(EVE)
    right = ada.call("POST", "email/change", **body, code=generator.now())

    assert (without.status_code, without.json["code"]) == (401, "second_factor_required")
    assert (wrong.status_code, wrong.json["code"], mailed) == (400, "code_invalid", [])
    assert right.status_code == 202
    assert mailbox.templates(EVE) == ["email_change_confirm"]


def test_undo_leaves_the_authenticator_and_is_in_the_audit_log(
    app: Flask, new_account: NewPerson, mailbox: Mailbox
) -> None:
    """Whoever reads the former mailbox must not get past the second factor."""
    ada = new_account()
    generator, codes = enable_totp(ada)
    ada.call("POST", "email/change", new_email=EVE, password=PASSWORD, code=codes[0])
    code = mailbox.code("email_change_confirm", EVE)
    assert ada.call("POST", "email/change/confirm", code=code).status_code == 204

    assert undo(ada, mailbox.token("email_changed_undo", ADA)) == 204

    code = mailbox.code("password_reset", ADA)
    assert ada.post("password/reset", email=ADA, code=code, password=PASSWORD).status_code == 204
    assert ada.post("mfa/verify", mfa_token=challenge(ada), code=generator.now()).status_code == 200
    with app.app_context():
        assert db.session.scalar(db.select(AuditEvent.id).where(AuditEvent.action == "email_change_undone"))

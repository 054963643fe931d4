"""Registering and verifying, over HTTP on the real database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import flask_migrate
import pytest
from flask import Flask

from services.auth import audit, housekeeping
from services.auth.accounts import first_administrator
from services.auth.models import Account, Registration, db
from services.auth.settings import AuthSettings
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson
from tests.auth.test_sessions import at

ADA = "ada@example.org"
NEXT = "quiet-meadow-41-lantern"


def test_whoever_registers_gets_a_code_and_with_it_a_session(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()

    registered = ada.post("register", email=ADA, password=PASSWORD, name="Ada")
    verified = ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))

    assert (registered.status_code, registered.json) == (202, {"status": "verification_sent"})
    assert verified.status_code == 200
    assert set(verified.json) == {
        "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in",
    }  # fmt: skip
    assert len(mailbox.messages("account_registered")) == 2  # one for each subscriber
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
    with app.app_context():
        assert db.session.query(Registration).count() == 1
    ada = stranger()
    ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))
    assert len(mailbox.messages("account_registered")) == 2  # one for each subscriber
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


def test_registration_is_no_account_until_its_address_is_proven(
    app: Flask, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)

    answers = [ada.post("login", email=ADA, password=each) for each in (PASSWORD, "something else")]

    assert [(a.status_code, a.json["code"]) for a in answers] == [(401, "invalid_credentials")] * 2
    assert mailbox.messages("account_registered") == []
    with app.app_context():
        assert db.session.query(Account).count() == 0


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
        assert db.session.query(Registration).count() == 0


def test_idempotency_key_gives_the_first_answer_again(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    headers = {"Idempotency-Key": "once"}
    body = {"email": ADA, "password": PASSWORD}

    first = ada.client.post(f"{AUTH}/register", json=body, headers=headers)
    second = ada.client.post(f"{AUTH}/register", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.headers["Idempotency-Replayed"] == "true"


def test_row_of_a_registration_is_the_same_for_a_known_address(
    app: Flask, new_account: NewPerson, stranger: NewPerson
) -> None:
    new_account()

    for email in (ADA, "bob@example.org"):
        stranger().post("register", email=email, password=PASSWORD, name="Eve")

    with app.app_context():
        rows = db.session.scalars(db.select(Registration)).all()
        kept = {row.email: (row.display_name, row.is_contested, row.mailed_at) for row in rows}
    assert kept == {ADA: ("Eve", False, None), "bob@example.org": ("Eve", False, None)}


@pytest.mark.parametrize("proof", ["verify-email", "email-code"])
def test_password_that_is_not_taken_is_told_with_a_way_to_set_one(
    stranger: NewPerson, mailbox: Mailbox, proof: str
) -> None:
    """Two sign-ups with two passwords, or another code than the sign-up's: nobody knows whose it was."""
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    mailbox.messages()
    with at(minutes=2):
        if proof == "verify-email":
            ada.post("register", email=ADA, password=NEXT)
            code = mailbox.code("verify_email")
        else:
            ada.post("email-code", email=ADA)
            code = mailbox.code("sign_in_code")
        path = "verify-email" if proof == "verify-email" else "email-code/verify"
        assert ada.post(path, email=ADA, code=code).status_code == 200
        signed_in = [ada.post("login", email=ADA, password=each).status_code for each in (PASSWORD, NEXT)]
        body = {"token": mailbox.token("set_password"), "password": NEXT}
        assert ada.post("password/reset", **body).status_code == 204

        assert signed_in == [401, 401]
        assert ada.post("login", email=ADA, password=NEXT).status_code == 200


def test_only_the_newest_mail_of_a_registration_counts(stranger: NewPerson, mailbox: Mailbox) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    first = mailbox.code("verify_email")
    with at(minutes=2):
        ada.post("email-code", email=ADA)
        second = mailbox.code("sign_in_code")

        answers = [
            ada.post("verify-email", email=ADA, code=first),
            ada.post("verify-email", email=ADA, code=second),
            ada.post("email-code/verify", email=ADA, code=second),
        ]

    assert [answer.status_code for answer in answers] == [400, 400, 200]


def test_sign_up_mail_does_not_carry_what_a_stranger_typed(stranger: NewPerson, mailbox: Mailbox) -> None:
    stranger().post("register", email=ADA, password=PASSWORD, name="You won! Call 0800 555 0199")

    assert mailbox.newest("verify_email")["name"] == ""


def test_registration_squats_on_nothing(
    app: Flask, new_account: NewPerson, stranger: NewPerson, mailbox: Mailbox
) -> None:
    """Somebody's registration of an address neither stops its owner from moving there nor outlives it."""
    bob = new_account("bob@example.org")
    stranger().post("register", email=ADA, password=PASSWORD)
    eves = mailbox.code("verify_email", ADA)

    with at(minutes=2):
        bob.call("POST", "email/change", new_email=ADA, password=PASSWORD)
        moved = bob.call("POST", "email/change/confirm", code=mailbox.code("email_change_confirm", ADA))
        late = stranger().post("verify-email", email=ADA, code=eves)

    assert (moved.status_code, late.status_code) == (204, 400)
    assert "account_exists" not in mailbox.templates(ADA)


def test_code_of_a_registration_makes_no_account_where_one_came_meanwhile(
    app: Flask, stranger: NewPerson, mailbox: Mailbox
) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD)
    code = mailbox.code("verify_email")
    with app.app_context():
        first_administrator.create_admin(email=ADA, password=NEXT)

    answers = [
        ada.post("verify-email", email=ADA, code=code),
        ada.post("login", email=ADA, password=PASSWORD),
    ]

    assert [answer.status_code for answer in answers] == [400, 401]


def test_registrations_go_when_their_time_is_over(
    app: Flask, settings: AuthSettings, stranger: NewPerson, mailbox: Mailbox
) -> None:
    with at(hours=-25):
        stranger().post("register", email=ADA, password=PASSWORD)
        mailbox.messages()
    stranger().post("register", email="bob@example.org", password=PASSWORD)

    work_off_chores(app, settings)

    with app.app_context():
        assert list(db.session.scalars(db.select(Registration.email))) == ["bob@example.org"]


def work_off_chores(app: Flask, settings: AuthSettings) -> None:
    """All of the worker's housekeeping, until there is nothing left to do."""
    with app.app_context():
        for chore in housekeeping.chores(settings):
            while chore(utcnow()):
                pass


def test_accounts_of_the_release_before_that_nobody_verified_are_deleted_and_the_others_told(
    app: Flask, settings: AuthSettings, mailbox: Mailbox
) -> None:
    """Imported ones stay: they were not registered here. So do those whose mail may still be read."""
    ids = {}
    with app.app_context():
        for name, hours, is_registered in (("old", 25, True), ("young", 23, True), ("imported", 25, False)):
            made_at = utcnow() - timedelta(hours=hours)
            ids[name] = new_id()
            accounts.add_unless_known(account_id=ids[name], email=f"{name}@example.org", now=made_at)
            if is_registered:
                audit.record("registered", account_id=ids[name])
        db.session.commit()

    work_off_chores(app, settings)

    with app.app_context():
        assert set(db.session.scalars(db.select(Account.id))) == {ids["young"], ids["imported"]}
    assert {message["account_id"] for message in mailbox.messages("account_deleted")} == {str(ids["old"])}


def test_imported_account_that_is_not_verified_is_helped_by_mail_alone(
    app: Flask, new_account: NewPerson, change_account: Callable[..., UUID], mailbox: Mailbox
) -> None:
    ada = new_account()
    change_account(ADA, verified_at=None)
    with at(minutes=2):
        answer = ada.post("login", email=ADA, password=PASSWORD)
        proven = ada.post("verify-email", email=ADA, code=mailbox.code("verify_email", ADA))
        again = ada.post("login", email=ADA, password=PASSWORD)

    assert (answer.status_code, answer.json["code"]) == (401, "invalid_credentials")
    assert (proven.status_code, again.status_code) == (200, 200)


def test_migration_reports_addresses_in_a_form_of_before_and_changes_none(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    before = ["ada@münchen.example.org", "Bob@example.org"]
    plain = ["o'hara+tag@sub.example.org", "x_y@xn--mnchen-3ya.example.org"]
    with app.app_context():
        flask_migrate.downgrade(revision="a61f0c3d9e27")
        for email in [*before, *plain]:
            accounts.add_unless_known(account_id=new_id(), email=email, now=utcnow())
        db.session.commit()

        flask_migrate.upgrade()

        kept = set(db.session.scalars(db.select(Account.email)))
    said = [record.getMessage() for record in caplog.records if "check-addresses" in record.getMessage()]
    assert kept == {*before, *plain}
    assert [text.split()[0] for text in said] == ["2"]

"""What hardly ever happens: rows that went meanwhile, a full pool, wishes that cannot be granted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from flask import Flask

from services.auth import housekeeping
from services.auth.accounts import registration
from services.auth.api_keys import keys
from services.auth.clients import Client, network_of
from services.auth.deps import deps
from services.auth.mail import challenges, mail_requests
from services.auth.models import Account, AuditEvent, MailRequest, Session, Ticket, db
from services.auth.sessions import refreshing
from services.auth.sessions.refresh_tokens import RefreshToken
from services.auth.settings import AuthSettings
from services.auth.sign_in import outcomes
from services.auth.store import accounts, registrations
from services.auth.store import sessions as store
from services.auth.throttling.backoff import Backoff
from shared.chassis.clock import utcnow
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until
from tests.auth.conftest import AUTH, PASSWORD, Mailbox, NewPerson
from tests.auth.locks import waiting
from tests.auth.test_sessions import at

ADA = "ada@example.org"


@pytest.fixture
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.rollback()


def test_genuine_token_of_a_session_that_is_gone_is_refused(app: Flask, stranger: NewPerson) -> None:
    with app.app_context():
        token = deps().refresh_tokens.write(RefreshToken(uuid4(), 1))

    assert stranger().refresh(token).json["code"] == "session_revoked"


def test_refresh_without_any_token_is_refused(stranger: NewPerson) -> None:
    client = stranger().client

    answers = [
        client.post(f"{AUTH}/refresh"),
        client.post(f"{AUTH}/refresh", headers={"Authorization": "Basic abc"}),
        client.post(f"{AUTH}/refresh", headers={"Authorization": "Bearer "}),
    ]

    assert {answer.json["code"] for answer in answers} == {"refresh_token_invalid"}


def test_refresh_says_what_was_sent_instead_of_a_refresh_token(new_account: NewPerson) -> None:
    ada = new_account()
    sent = (f"Bearer {ada.pair['access_token']}", ada.pair["refresh_token"])

    answers = [ada.client.post(f"{AUTH}/refresh", headers={"Authorization": header}) for header in sent]

    assert {answer.json["code"] for answer in answers} == {"refresh_token_invalid"}
    assert answers[0].json["detail"].startswith("This is an access token: send the refresh token")
    assert answers[1].json["detail"].startswith("Authorization has no scheme: write the word Bearer")


def test_logout_twice_is_harmless(new_account: NewPerson) -> None:
    ada = new_account()

    assert [ada.call("POST", "logout").status_code for _ in range(2)] == [204, 204]


def test_thieves_that_come_at_once_cause_one_mail(
    app: Flask, new_account: NewPerson, mailbox: Mailbox
) -> None:
    ada = new_account()
    claims = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})
    with app.app_context():
        standing = store.find_standing(claims["sid"])
        assert standing is not None
        for _ in range(2):
            refreshing._punish_reuse(standing, Client("", ""), utcnow())

    assert mailbox.templates().count("refresh_token_reused") == 1


def test_account_that_was_disabled_while_the_password_was_computed_is_not_let_in(
    app: Flask, new_account: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_account()
    monkeypatch.setattr(accounts, "lock_for_sign_in", lambda *_arguments, **_options: None)

    assert ada.post("login", email=ADA, password=PASSWORD).json["code"] == "invalid_credentials"


def test_mailed_code_does_not_open_an_account_that_was_disabled_meanwhile(
    app: Flask, new_account: NewPerson, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_account()
    ada.post("email-code", email=ADA)
    code = mailbox.code("sign_in_code")
    monkeypatch.setattr(accounts, "lock_for_sign_in", lambda *_arguments, **_options: None)

    assert ada.post("email-code/verify", email=ADA, code=code).json["code"] == "account_disabled"


@pytest.mark.usefixtures("context")
def test_nobody_begins_a_session_of_an_account_that_is_gone() -> None:
    outcome = outcomes.begin_after_mail(uuid4(), Client("", ""), utcnow())

    assert getattr(outcome, "code", None) == "account_disabled"


def test_wish_that_fails_is_tried_again_and_dropped_in_the_end(app: Flask) -> None:
    def fail(_wish: dict[str, Any], _now: Any) -> None:
        raise RuntimeError("not today")

    with app.app_context():
        mail_requests.ask("resend", {"email": ADA})
        db.session.commit()
        hours = 0
        while mail_requests.work_off({"resend": fail}) or hours < 24:
            hours += 1
            request = db.session.scalars(db.select(MailRequest)).one_or_none()
            if request is None:
                break
            request.available_at = utcnow()
            db.session.commit()

        assert hours == mail_requests.MOST_ATTEMPTS


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("unix", "unix"),
    ],
)
def test_network_is_what_one_person_holds(ip: str, network: str) -> None:
    assert network_of(ip) == network


def test_wait_grows_to_its_bound() -> None:
    backoff = Backoff(free=3, longest=timedelta(seconds=60), forgotten_after=timedelta(hours=1))

    waits = [backoff.wait_after(failures).total_seconds() for failures in (1, 2, 3, 4, 5, 9, 10**6)]

    assert waits == [0, 0, 1, 2, 4, 60, 60]


def test_what_is_over_is_cleared_away(app: Flask, settings: AuthSettings, new_account: NewPerson) -> None:
    with at(days=-401):  # the database has a clock of its own, and keeps what is young by that
        ada = new_account()
        ada.call("POST", "logout")
        ada.post("passkeys/login/options")

    with app.app_context():
        for chore in housekeeping.chores(settings):
            while chore(utcnow()):
                pass
        left = [db.session.query(model).count() for model in (Session, Ticket, AuditEvent)]
        assert db.session.query(Account).count() == 1

    assert left == [0, 0, 0]


def test_reuse_in_an_account_that_is_just_being_deleted_mails_nobody(
    app: Flask, new_account: NewPerson, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_account()
    old = ada.pair["refresh_token"]
    ada.take(ada.refresh())
    ada.take(ada.refresh())
    monkeypatch.setattr(accounts, "find", lambda _account_id: None)

    with at(seconds=31):
        assert ada.refresh(old).json["code"] == "refresh_token_reused"

    assert "refresh_token_reused" not in mailbox.templates()


def test_token_of_an_api_key_does_not_outlive_it(app: Flask, new_account: NewPerson) -> None:
    ada = new_account()
    expires_at = utcnow() + timedelta(seconds=90)
    made = ada.call("POST", "api-keys", name="short", expires_at=expires_at.isoformat()).json

    with app.app_context():
        _, seconds = keys.exchange(made["key"])

    assert seconds <= 90


def test_registration_that_was_never_verified_gives_way_to_the_next(
    stranger: NewPerson, mailbox: Mailbox
) -> None:
    eve, ada = stranger(), stranger()
    eve.post("register", email=ADA, password="password-that-eve-chose")
    assert mailbox.templates() == ["verify_email"]

    with at(days=1, seconds=1):
        ada.post("register", email=ADA, password=PASSWORD, name="Ada")
        ada.post("verify-email", email=ADA, code=mailbox.code("verify_email"))
        passwords = (PASSWORD, "password-that-eve-chose")
        mine, theirs = (ada.post("login", email=ADA, password=each) for each in passwords)

    assert (mine.status_code, theirs.status_code) == (200, 401)


def test_caller_whose_session_is_gone_cannot_prove_itself_again(new_account: NewPerson) -> None:
    ada = new_account()
    ada.call("POST", "logout")

    answers = [ada.call("POST", "reauthenticate", password=PASSWORD), ada.call("POST", "mfa/totp")]

    assert {answer.json["code"] for answer in answers} == {"session_revoked"}


def test_caller_whose_account_is_gone_is_told_so(app: Flask, new_account: NewPerson) -> None:
    ada = new_account()
    with app.app_context():
        db.session.execute(db.delete(Account))
        db.session.commit()

    answer = ada.call("POST", "password/change", current_password=PASSWORD, new_password=PASSWORD)

    assert (answer.status_code, answer.json["code"]) == (404, "account_not_found")


@pytest.mark.parametrize("by", ["code", "token"])
def test_code_that_is_used_while_another_is_being_mailed_is_taken(
    app: Flask, stranger: NewPerson, mailbox: Mailbox, service_database: ServiceDatabases, by: str
) -> None:
    ada = stranger()
    ada.post("register", email=ADA, password=PASSWORD, name="Ada")
    proofs = {
        "code": {"email": ADA, "code": mailbox.code("verify_email")},
        "token": {"token": mailbox.token("verify_email")},
    }

    with ThreadPoolExecutor(1) as other, app.app_context():
        registrations.find_for_update(ADA, utcnow())  # as the worker does that mails another code
        verified = other.submit(ada.post, "verify-email", **proofs[by])
        wait_until(lambda: waiting(service_database("auth").url) == 1, what="a wait for the registration")
        registration.mail_code(challenges.VERIFY_EMAIL, ADA, utcnow())
        db.session.commit()

    assert verified.result().status_code == 200

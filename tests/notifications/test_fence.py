"""The note before the final dot is a fence: whoever is too late, by PostgreSQL's clock, sends nothing."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from services.notifications.delivery import bells, delivery, draining
from services.notifications.delivery.delivery import Term, deliver
from services.notifications.models import db
from services.notifications.smtp.conversations import SmtpConnection
from services.notifications.store import attempts, queue
from services.notifications.store.queue import Claim
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import Mailbox
from tests.notifications.test_api import send
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt_until_it_ends, show


def claim_one(lane: str = "normal", lease_seconds: float = 5) -> Claim:
    with transaction(db):
        (claim,) = queue.claim(lane, at_most=1, lease_seconds=lease_seconds)
    return claim


def execute(statement: str) -> None:
    with transaction(db):
        db.session.execute(text(statement))


def test_worker_whose_lease_is_over_by_the_clock_of_the_database_sends_nothing(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    message_id = send(client, as_sender)
    with app.app_context():
        claim = claim_one()
        execute("UPDATE deliveries SET lease_until = now() - interval '1 second'")

        deliver(claim, Term(5))

    shown = show(client, as_sender, message_id)
    assert shown["status"] == "retrying"
    assert "not ours any more" in shown["timeline"][-1]["detail"]
    assert mailbox.messages() == []


def test_worker_that_was_paused_while_another_one_sent_the_message_sends_no_second_copy(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    message_id = send(client, as_sender)
    with app.app_context():
        paused, term = claim_one(), Term(5)
        execute("UPDATE deliveries SET lease_until = now() - interval '1 second'")
        bells.end_lost()
    attempt_until_it_ends(app, client, as_sender, message_id)

    with app.app_context():
        deliver(paused, term)

    assert show(client, as_sender, message_id)["status"] == "sent"
    assert len(mailbox.messages()) == 1


def test_worker_that_was_stopped_between_the_note_and_the_dot_sends_nothing(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = send(client, as_sender)
    monkeypatch.setattr(delivery, "LONGEST_GAP_SECONDS", -1.0)

    with app.app_context():
        deliver(claim_one(), Term(5))

    assert show(client, as_sender, message_id)["status"] == "retrying"
    assert mailbox.messages() == []


def test_worker_that_has_all_but_used_up_its_lease_asks_no_server(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    message_id = send(client, as_sender)

    with app.app_context():
        deliver(claim_one(), Term(0.5))

    assert show(client, as_sender, message_id)["status"] == "retrying"
    assert mailbox.messages() == []


def test_database_that_does_not_take_the_note_keeps_the_dot_back(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message_id = send(client, as_sender)

    def cut(*_arguments: object, **_options: object) -> bool:
        raise OperationalError("UPDATE", {}, Exception("the connection was cut"))

    with app.app_context():
        claim = claim_one()
        monkeypatch.setattr(attempts, "note_handover", cut)
        deliver(claim, Term(5))

    shown = show(client, as_sender, message_id)
    assert shown["status"] == "retrying"
    assert shown["timeline"][-1]["detail"] == "the handover could not be noted: the database has not answered"
    assert mailbox.messages() == []


@pytest.mark.parametrize(
    ("method", "status", "mails"), [("_form", "retrying", 0), ("_final_answer", "outcome_unknown", 1)]
)
def test_surprise_neither_loses_nor_doubles_a_message_and_says_nothing_of_ours(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    status: str,
    mails: int,
) -> None:
    message_id = send(client, as_sender)

    def fail(*_arguments: object) -> None:
        raise RuntimeError("a secret of ours")

    with app.app_context():
        claim = claim_one()
        monkeypatch.setattr(SmtpConnection, method, fail)
        deliver(claim, Term(5))

    shown = show(client, as_sender, message_id)
    wait_until(lambda: len(mailbox.messages()) == mails, what="the mails that were handed over")
    assert shown["status"] == status
    assert shown["timeline"][-1]["detail"] == "RuntimeError, which the worker's log describes"


@pytest.mark.parametrize("offset_seconds", [-60, 60])
def test_host_with_a_wrong_clock_sends_each_message_once_and_in_time(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str], offset_seconds: int
) -> None:
    with time_machine.travel(utcnow() + timedelta(seconds=offset_seconds), tick=True):
        with app.app_context():
            db.session.rollback()
        execute_in(app, "SELECT 1")
        message_id = take_code(app)
        with app.app_context():
            claim = claim_one("urgent")
            bells.end_lost()
            deliver(claim, Term(5))
            draining.drain("urgent")

    with app.app_context():
        status = db.session.scalar(text("SELECT status FROM deliveries"))
    assert (status, len(mailbox.messages())) == ("sent", 1), message_id


def execute_in(app: Flask, statement: str) -> None:
    with app.app_context():
        execute(statement)


def test_worker_that_learns_the_outcome_after_it_was_given_up_still_says_so(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    message_id = send(client, as_sender)
    with app.app_context():
        claim = claim_one()
        with transaction(db):
            assert attempts.note_handover(claim, server="default", lease_seconds=-1)
        bells.end_lost()
    between = show(client, as_sender, message_id)["status"]

    with app.app_context():
        delivery.finish(claim, delivery.outcomes.sent("250 OK"), phase="answer", server="default")

    shown = show(client, as_sender, message_id)
    assert (between, shown["status"]) == ("outcome_unknown", "sent")
    assert [event["name"] for event in shown["timeline"]] == ["accepted", "sent"]


def test_code_whose_outcome_is_unknown_is_sent_again_and_the_timeline_says_so(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_admin: dict[str, str]
) -> None:
    mailbox.chaos(drop_at="after_data", times=1)
    message_id = take_code(app)

    shown = attempt_until_it_ends(app, client, as_admin, message_id)

    names = [event["name"] for event in shown["timeline"]]
    assert (shown["status"], names) == ("sent", ["accepted", "outcome_unknown", "sent"])
    assert [event["server"] for event in shown["timeline"]] == [None, "default", "default"]
    assert len(mailbox.messages()) == 2
    assert len({mail["headers"]["Message-ID"] for mail in mailbox.messages()}) == 1


@pytest.mark.parametrize("deferred", [0, 5])
@pytest.mark.parametrize(("drops", "status"), [(2, "sent"), (3, "outcome_unknown")])
def test_code_is_sent_again_twice_however_often_a_server_deferred_it_before(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_admin: dict[str, str],
    deferred: int, drops: int, status: str,
) -> None:  # fmt: skip
    mailbox.chaos(drop_at="after_data", times=drops)
    message_id = take_code(app)
    with app.app_context(), transaction(db) as session:
        counts = {"deferred": deferred}
        session.execute(
            text("UPDATE deliveries SET attempt_count = :deferred, retry_count = :deferred"), counts
        )

    shown = attempt_until_it_ends(app, client, as_admin, message_id)

    assert (shown["status"], len(mailbox.messages())) == (status, 3)

"""Attempts against a real mail server that behaves, refuses, hangs and cuts the line."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.delivery import bells, draining, finishing, outcomes
from services.notifications.delivery.delivery import Term, deliver
from services.notifications.deps import deps
from services.notifications.lanes import LANES
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.mime import as_data
from services.notifications.store import queue
from shared.chassis.database import transaction
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import NOTIFICATIONS, send

PATIENCE_SECONDS = 15


def attempt(app: Flask, message_id: str) -> None:
    """One attempt at this message, if one is due; what else is due is left alone."""
    with app.app_context():
        term = Term(deps().settings.attempt_lease_seconds)
        with transaction(db):
            claims = [
                claim
                for lane in LANES
                for claim in queue.claim(lane, at_most=100, lease_seconds=term.seconds)
            ]
        draining.give_back([claim for claim in claims if str(claim.message_id) != message_id])
        for claim in claims:
            if str(claim.message_id) == message_id:
                deliver(claim, term)


def show(client: FlaskClient, headers: dict[str, str], notification_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=headers).json
    return shown


def attempt_until_it_ends(
    app: Flask, client: FlaskClient, headers: dict[str, str], notification_id: str
) -> dict[str, Any]:
    """Ring the bell over and over, as the relay does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        attempt(app, notification_id)
        shown = show(client, headers, notification_id)
        if shown["status"] not in {"queued", "retrying", "sending"}:
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.02)


def test_mail_arrives_as_it_was_meant(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    notification_id = send(client, as_sender, variables={"subject": "Grüße", "text": ".dot\nAda's “mail”"})

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    (received,) = mailbox.messages()
    assert (shown["status"], shown["attempts"]) == ("sent", 1)
    assert [event["name"] for event in shown["timeline"]] == ["accepted", "sent"]
    assert shown["timeline"][-1]["detail"].startswith("250 ")
    assert received["to"] == ["Ada@example.org"]
    assert received["subject"] == "Grüße"
    assert ".dot\nAda's “mail”" in received["text"]
    assert received["headers"]["Message-ID"] == f"<{notification_id}@doorward.test>"
    assert received["headers"]["Auto-Submitted"] == "auto-generated"
    assert "no-reply@doorward.test" in received["headers"]["From"]


def test_bell_that_rings_in_many_workers_at_once_sends_each_message_once(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    for _ in range(5):
        send(client, as_sender)

    def drain(_number: int) -> int:
        with app.app_context():
            return draining.drain_all("normal")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(drain, range(8)))

    assert (sum(made), len(mailbox.messages())) == (5, 5)


@pytest.mark.parametrize("moment", ["connect", "mail", "rcpt", "data"])
@pytest.mark.parametrize("fault", ["reject", "drop"])
def test_temporary_fault_is_tried_again_and_sent_once(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str], moment: str, fault: str
) -> None:
    switches = {"reject": {"reject_rate": 1, "reject_at": moment}, "drop": {"drop_at": moment}}[fault]
    mailbox.chaos(**switches, times=2)
    notification_id = send(client, as_sender)

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert (shown["status"], shown["attempts"]) == ("sent", 3)
    assert [event["name"] for event in shown["timeline"]] == ["accepted", "retrying", "retrying", "sent"]
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize("moment", ["rcpt", "data"])
def test_refusal_for_good_is_not_tried_again(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str], moment: str
) -> None:
    mailbox.chaos(reject_rate=1, reject_at=moment, reject_code=550)
    notification_id = send(client, as_sender)

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert (shown["status"], shown["reason"], shown["attempts"]) == ("failed", "refused", 1)
    assert "550" in shown["timeline"][-1]["detail"]


@pytest.mark.parametrize("switches", [{"drop_at": "after_data"}, {"delay_seconds": 6}])
def test_mail_that_was_handed_over_without_an_answer_is_not_sent_again(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    switches: dict[str, object],
) -> None:
    mailbox.chaos(**switches, delay_at="after_data")
    notification_id = send(client, as_sender)

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)
    attempt(app, notification_id)

    assert (shown["status"], shown["reason"]) == ("outcome_unknown", "no_answer")
    assert len(mailbox.messages()) == 1


def test_server_that_hangs_costs_the_timeout_and_no_more(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    mailbox.chaos(delay_seconds=30, delay_at="rcpt")
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert show(client, as_sender, notification_id)["status"] == "retrying"
    assert mailbox.messages() == []


def test_mail_server_that_is_away_is_waited_for(
    make_app: MakeApp, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    app = make_app(settings.model_copy(update={"smtp_port": 9}))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert show(client, as_sender, notification_id)["status"] == "retrying"


def test_mail_is_not_tried_for_ever(
    make_app: MakeApp, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    app = make_app(settings.model_copy(update={"smtp_port": 9, "retry_hours": 1e-6}))
    client = app.test_client()
    notification_id = send(client, as_sender)

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert (shown["status"], shown["reason"]) == ("failed", "tried_too_long")


def test_server_without_a_trustworthy_certificate_gets_no_mail(
    make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    app = make_app(settings.model_copy(update={"smtp_security": "starttls"}))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert show(client, as_sender, notification_id)["status"] == "retrying"
    assert mailbox.messages() == []


def test_code_that_has_expired_is_not_mailed_any_more(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    notification_id = send(client, as_sender)
    with app.app_context():
        db.session.execute(text("UPDATE messages SET expires_at = now() - interval '1 second'"))
        db.session.commit()

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert (shown["status"], shown["reason"]) == ("failed", "expired")
    assert mailbox.messages() == []


def test_mail_that_cannot_be_rendered_fails_and_blocks_nothing(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    broken, sound = send(client, as_sender), send(client, as_sender)
    with app.app_context():
        statement = "UPDATE messages SET sealed_variables = 'broken' WHERE id = :id"
        db.session.execute(text(statement), {"id": broken})
        db.session.commit()

    shown = attempt_until_it_ends(app, client, as_sender, broken)
    attempt_until_it_ends(app, client, as_sender, sound)

    assert (shown["status"], shown["reason"]) == ("failed", "not_renderable")
    assert len(mailbox.messages()) == 1


@pytest.mark.parametrize(
    ("phase", "status", "mails"), [(None, "sent", 1), ("handed_over", "outcome_unknown", 0)]
)
def test_attempt_of_a_worker_that_died_is_taken_back_by_how_far_it_had_come(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    phase: str | None,
    status: str,
    mails: int,
) -> None:
    notification_id = send(client, as_sender)
    with app.app_context():
        statement = """UPDATE deliveries SET status = 'sending', attempt_count = 1, retry_count = 1,
                       phase = :phase, lease_until = now() - interval '1 second'"""
        db.session.execute(text(statement), {"phase": phase})
        db.session.commit()
        bells.end_lost()

    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert shown["status"] == status
    assert len(mailbox.messages()) == mails


def test_worker_that_was_overtaken_cannot_finish_another_ones_attempt(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    notification_id = send(client, as_sender)
    with app.app_context():
        with transaction(db):
            (mine,) = queue.claim("normal", at_most=1, lease_seconds=-1)
        bells.end_lost()
        attempt(app, notification_id)
        finishing.finish(mine, outcomes.failed("late"))

    assert show(client, as_sender, notification_id)["status"] == "sent"


@pytest.mark.parametrize(
    ("message", "data"),
    [
        (b"a\nb", b"a\r\nb\r\n"),
        (b".\r\n.a\r\n", b"..\r\n..a\r\n"),
        (b"a\r\n.\r\nQUIT\r\n", b"a\r\n..\r\nQUIT\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n"),
    ],
)
def test_no_line_of_a_mail_can_end_it(message: bytes, data: bytes) -> None:
    assert as_data(message) == data

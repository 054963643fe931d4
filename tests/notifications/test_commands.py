"""`doorward queue` and `doorward message`: what an operator sees, and that no content is part of it."""

import smtplib
from uuid import uuid4

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.commands import queue
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.database import transaction
from tests.mailbox_process import Mailbox
from tests.notifications.test_api import send
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt
from tests.notifications.worker_process import environment_of


@pytest.fixture(autouse=True)
def environment(app: Flask, settings: NotificationsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands read of a running Doorward."""
    for name, value in environment_of(settings).items():
        if value != "None":
            monkeypatch.setenv(name, value)


def run(command: str, *arguments: str) -> str:
    outcome = CliRunner().invoke(getattr(queue, command), arguments)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_queue_shows_what_is_due_by_lane_and_what_a_person_has_to_look_at(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    for status in ("queued", "queued", "outcome_unknown", "sending"):
        message_id = send(client, as_sender)
        with app.app_context(), transaction(db):
            statement = "UPDATE deliveries SET status = :status, lease_until = now() WHERE message_id = :id"
            db.session.execute(text(statement), {"status": status, "id": message_id})
    take_code(app)

    lines = run("queue").splitlines()

    assert [line.split()[:5] for line in lines[:3]] == [
        ["urgent", "due", "1", "sending", "0"],
        ["normal", "due", "2", "sending", "1"],
        ["bulk", "due", "0", "sending", "0"],
    ]
    assert [line.rpartition(": ")[2] for line in lines[3:]] == ["0", "1", "1"]


def test_message_shows_where_it_stands_and_nothing_that_it_says(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    message_id = take_code(app)
    attempt(app, message_id)

    waiting = run("message", take_code(app))
    output = run("message", message_id)

    assert ["next at" in shown for shown in (waiting, output)] == [True, False]
    assert "status    sent" in output
    assert "sent  default  answer  250 OK" in output
    assert "314159" not in output


def test_answer_of_a_server_is_one_line_that_a_terminal_does_not_obey(
    app: Flask,
    client: FlaskClient,
    as_sender: dict[str, str],
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = smtplib.SMTP.getreply
    said = "5.1.1 no\x1b[2J\nsuch\u202e user".encode()
    monkeypatch.setattr(
        smtplib.SMTP, "getreply", lambda self: tuple({b"5.1.1": said}.get(p, p) for p in answers(self))
    )
    mailbox.chaos(reject_rate=1, reject_at="rcpt", reject_code=550, reject_text="5.1.1")
    message_id = send(client, as_sender)
    attempt(app, message_id)

    lines = run("message", message_id).splitlines()

    assert lines[-1].endswith("rcpt: 550 5.1.1 no [2J such user")


def test_message_that_is_none_is_a_mistake_and_no_traceback(app: Flask) -> None:
    outcome = CliRunner().invoke(queue.message, [str(uuid4())])

    assert (outcome.exit_code, outcome.output) == (1, "Error: There is no such message.\n")

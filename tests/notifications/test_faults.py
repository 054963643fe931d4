"""A mail server that freezes, dies and comes back, and a database that does so at the worst moment."""

import threading
import time

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.notifications import deps as dependencies
from services.notifications.app import create_app
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.clients import PrivatePostgres
from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp, let_go
from tests.notifications.sink import Sink
from tests.notifications.test_api import send
from tests.notifications.test_delivery import attempt, attempt_until_it_ends, show


@pytest.fixture
def sink_app(make_app: MakeApp, settings: NotificationsSettings, sink: Sink) -> Flask:
    return make_app(settings.model_copy(update={"smtp_port": sink.port, "smtp_timeout_seconds": 0.5}))


def sent_over_this_connection(app: Flask) -> int:
    with app.app_context():
        kept = dependencies.deps().sender.outlets[0]._idle[-1]
    return kept.sent


def test_one_connection_carries_many_mails(sink_app: Flask, as_sender: dict[str, str], sink: Sink) -> None:
    client = sink_app.test_client()

    for _ in range(3):
        attempt(sink_app, send(client, as_sender))

    assert sent_over_this_connection(sink_app) == 3
    assert sink.count() == 3


def test_connection_that_the_server_has_closed_is_replaced_and_costs_no_attempt(
    sink_app: Flask, as_sender: dict[str, str], sink: Sink
) -> None:
    client = sink_app.test_client()
    attempt(sink_app, send(client, as_sender))
    sink.stop()
    sink.start()

    notification_id = send(client, as_sender)
    attempt(sink_app, notification_id)

    shown = show(client, as_sender, notification_id)
    assert (shown["status"], shown["attempts"]) == ("sent", 1)


def test_frozen_server_costs_the_timeout_and_gets_the_mail_once_it_thaws(
    sink_app: Flask, as_sender: dict[str, str], sink: Sink
) -> None:
    client = sink_app.test_client()
    attempt(sink_app, send(client, as_sender))
    notification_id = send(client, as_sender)

    sink.pause()
    begun = time.monotonic()
    attempt(sink_app, notification_id)
    took_seconds = time.monotonic() - begun
    frozen = show(client, as_sender, notification_id)
    sink.unpause()
    shown = attempt_until_it_ends(sink_app, client, as_sender, notification_id)

    assert frozen["status"] == "retrying"
    assert took_seconds < 3
    assert shown["status"] == "sent"
    assert sink.count() == 2


def test_server_that_is_away_gets_the_mail_when_it_is_back(
    sink_app: Flask, as_sender: dict[str, str], sink: Sink
) -> None:
    client = sink_app.test_client()
    notification_id = send(client, as_sender)
    sink.stop()
    attempt(sink_app, notification_id)
    away = show(client, as_sender, notification_id)

    sink.start()
    shown = attempt_until_it_ends(sink_app, client, as_sender, notification_id)

    assert (away["status"], shown["status"]) == ("retrying", "sent")
    assert away["timeline"][-1]["detail"].startswith("connect: 421")
    assert sink.count() == 1


def test_failed_sign_in_is_not_the_mail_s_fault(
    make_app: MakeApp, settings: NotificationsSettings, sink: Sink, as_sender: dict[str, str]
) -> None:
    changes = {"smtp_port": sink.port, "smtp_username": "somebody", "smtp_password": "x"}
    app = make_app(NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes}))
    client = app.test_client()
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    assert show(client, as_sender, notification_id)["status"] == "retrying"


@pytest.mark.parametrize("code", [451, 552])
def test_server_that_refuses_after_the_final_dot_has_not_taken_the_mail(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smtplib

    answers = smtplib.SMTP.getreply
    monkeypatch.setattr(smtplib.SMTP, "getreply", lambda self: _instead_of_ok(answers(self), code))
    notification_id = send(client, as_sender)

    attempt(app, notification_id)

    shown = show(client, as_sender, notification_id)
    assert shown["status"] == ("failed" if code == 552 else "retrying")
    assert f"answer: {code}" in shown["timeline"][-1]["detail"]


def _instead_of_ok(reply: tuple[int, bytes], code: int) -> tuple[int, bytes]:
    """The mailbox says ``OK kept as``… to a whole mail alone."""
    return (code, b"no") if b"kept as" in reply[1] else reply


def test_database_that_restarts_while_the_mail_server_thinks_loses_no_outcome(
    private_postgres: PrivatePostgres,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    as_sender: dict[str, str],
) -> None:
    changes = {
        "database_url": private_postgres.create_database("restarted"),
        "smtp_final_timeout_seconds": 30,
    }
    app = create_app(NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes}))
    with app.app_context():
        flask_migrate.upgrade()
    client = app.test_client()
    notification_id = send(client, as_sender)
    mailbox.chaos(delay_at="after_data", delay_seconds=2)

    sending = threading.Thread(target=attempt, args=(app, notification_id))
    sending.start()
    wait_until(lambda: len(mailbox.messages()) == 1, what="the mail")
    private_postgres.restart()
    sending.join()

    assert show(client, as_sender, notification_id)["status"] == "sent"
    assert len(mailbox.messages()) == 1
    let_go(app)

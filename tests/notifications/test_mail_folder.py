"""Mails as files, where there is no mail server."""

import email
import email.policy
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from flask import Flask

from services.notifications.deps import deps
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.breakers import FAILURES, FIRST_PAUSE_SECONDS, Breaker
from services.notifications.smtp.mail_folder import MailFolder
from services.notifications.smtp.mime import MailMessage
from services.notifications.smtp.refusals import NotNoted
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import NOTIFICATIONS, send
from tests.notifications.test_delivery import attempt, show
from tests.notifications.test_progress import Clock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mails"


@pytest.fixture
def app(make_app: MakeApp, settings: NotificationsSettings, folder: Path) -> Flask:
    values = {**settings.model_dump(by_alias=False), "smtp_host": None, "mail_folder": folder}
    return make_app(NotificationsSettings.model_validate(values))


def test_mail_is_written_once_however_often_it_is_sent(
    app: Flask, folder: Path, as_sender: dict[str, str]
) -> None:
    client = app.test_client()
    message_id = send(client, as_sender)

    attempt(app, message_id)
    client.post(f"{NOTIFICATIONS}/{message_id}/resend", headers=as_sender)
    attempt(app, message_id)

    (file,) = folder.iterdir()
    read = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    shown = show(client, as_sender, message_id)
    assert (file.name, read["Subject"], read["To"]) == (f"{message_id}.eml", "Hello", "Ada@example.org")
    assert (shown["status"], shown["attempts"], shown["timeline"][-1]["server"]) == ("sent", 2, "folder")


def test_folder_that_cannot_be_written_is_tried_again_and_then_left_alone(
    app: Flask, folder: Path, as_sender: dict[str, str]
) -> None:
    folder.write_text("in the way")
    client = app.test_client()
    ids = [send(client, as_sender) for _ in range(3)]

    for message_id in ids:
        attempt(app, message_id)

    assert {show(client, as_sender, message_id)["status"] for message_id in ids} == {"retrying"}
    with app.app_context():
        assert not deps().sender.is_available()
        deps().sender.close()


def test_nothing_is_written_where_the_handover_cannot_be_noted(
    app: Flask, folder: Path, as_sender: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    message_id = send(client, as_sender)
    monkeypatch.setattr("services.notifications.store.attempts.note_handover", lambda *_a, **_k: False)

    attempt(app, message_id)

    assert list(folder.iterdir()) == []


def test_folder_is_tried_again_after_a_trial_that_came_to_nothing(app: Flask, folder: Path) -> None:
    clock = Clock()
    outlet = MailFolder(folder)
    outlet.breaker = Breaker(clock)
    for _ in range(FAILURES):
        outlet.breaker.failed("no space")
    clock.pass_seconds(FIRST_PAUSE_SECONDS)
    handover = SimpleNamespace(note=Mock(side_effect=NotNoted("too late")))

    with app.app_context():
        message = MailMessage(sender="no-reply@example.org", recipients=["ada@example.org"], body="Hello")
        message.msgId = "<1@example.org>"

    assert outlet.enter()
    with pytest.raises(NotNoted):
        outlet.deliver(message, "no-reply@example.org", handover)

    assert outlet.enter()


def test_file_that_cannot_be_put_in_its_place_is_tried_again(
    app: Flask, folder: Path, as_sender: dict[str, str]
) -> None:
    client = app.test_client()
    message_id = send(client, as_sender)
    (folder / f"{message_id}.eml").mkdir(parents=True)

    attempt(app, message_id)

    assert show(client, as_sender, message_id)["status"] == "retrying"
    assert len(list(folder.iterdir())) == 1

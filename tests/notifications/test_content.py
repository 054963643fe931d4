"""How long a mail's content is kept, and what can be sent again."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications import housekeeping
from services.notifications.messages import acceptance
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import SendEmail
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import NOTIFICATIONS, send
from tests.notifications.test_delivery import attempt, attempt_until_it_ends

CODE = {"code": "314159", "link": "https://x.example/#t", "minutes": "10", "hours": "1"}


def take_code(app: Flask, **changes: object) -> str:
    """Another service asks for a mail with a code; its id."""
    message = SendEmail.model_validate(
        {"template": "verify_email", "to_email": "ada@example.org", "variables": CODE, **changes}
    )
    with app.app_context(), transaction(db):
        acceptance.take(message)
    with app.app_context():
        return str(db.session.scalar(text("SELECT id FROM messages ORDER BY id DESC LIMIT 1")))


def is_content_kept(app: Flask) -> bool:
    with app.app_context():
        return db.session.scalar(text("SELECT sealed_variables FROM messages")) is not None


def test_code_is_erased_as_soon_as_it_is_sent(
    app: Flask, client: FlaskClient, as_admin: dict[str, str], mailbox: Mailbox
) -> None:
    notification_id = take_code(app)
    before = is_content_kept(app)

    attempt_until_it_ends(app, client, as_admin, notification_id)
    resent = client.post(f"{NOTIFICATIONS}/{notification_id}/resend", headers=as_admin)

    assert (before, is_content_kept(app)) == (True, False)
    assert (resent.status_code, resent.json["code"]) == (409, "not_resendable")
    assert "\n314159\n" in mailbox.messages()[0]["text"]


def test_code_is_erased_where_it_has_expired(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    notification_id = take_code(app, expires_at=utcnow() - timedelta(seconds=1))

    shown = attempt_until_it_ends(app, client, as_admin, notification_id)

    assert shown["reason"] == "expired"
    assert not is_content_kept(app)


def test_mail_without_a_code_can_be_sent_again_under_its_own_message_id(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    notification_id = send(client, as_sender)
    attempt_until_it_ends(app, client, as_sender, notification_id)

    client.post(f"{NOTIFICATIONS}/{notification_id}/resend", headers=as_sender)
    shown = attempt_until_it_ends(app, client, as_sender, notification_id)

    assert [event["name"] for event in shown["timeline"]] == ["accepted", "sent", "resent", "sent"]
    assert len({mail["headers"]["Message-ID"] for mail in mailbox.messages()}) == 1
    assert len(mailbox.messages()) == 2


def test_mail_that_was_tried_for_too_long_has_its_whole_time_again_when_it_is_resent(
    make_app: MakeApp, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    impatient = make_app(settings.model_copy(update={"smtp_port": 9, "retry_hours": 1e-6}))
    patient = make_app(settings.model_copy(update={"smtp_port": 9, "retry_hours": 1}))
    client = patient.test_client()
    notification_id = send(client, as_sender)
    attempt_until_it_ends(impatient, client, as_sender, notification_id)
    with patient.app_context(), transaction(db):
        db.session.execute(text("UPDATE messages SET created_at = created_at - interval '2 hours'"))

    client.post(f"{NOTIFICATIONS}/{notification_id}/resend", headers=as_sender)
    attempt(patient, notification_id)

    shown = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=as_sender).json
    assert shown["status"] == "retrying"


def test_scheduled_mail_has_its_whole_time_from_its_own_moment_on(
    make_app: MakeApp, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    app = make_app(settings.model_copy(update={"smtp_port": 9, "retry_hours": 1}))
    client = app.test_client()
    notification_id = send(client, as_sender, send_at=(utcnow() + timedelta(days=3)).isoformat())
    with app.app_context(), transaction(db):
        statement = "UPDATE deliveries SET created_at = created_at - interval '3 days', " + ", ".join(
            f"{column} = {column} - interval '3 days'" for column in ("due_at", "next_attempt_at")
        )
        db.session.execute(text(statement))

    attempt(app, notification_id)

    shown = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=as_sender).json
    assert shown["status"] == "retrying"


def test_content_of_ended_mails_goes_in_time_and_that_of_waiting_ones_stays(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    ended, waiting = send(client, as_sender), send(client, as_sender)
    client.post(f"{NOTIFICATIONS}/{ended}/cancel", headers=as_sender)

    with app.app_context():
        erased = housekeeping.erase_content(utcnow() + timedelta(seconds=1))

    assert erased == 1
    assert client.post(f"{NOTIFICATIONS}/{ended}/resend", headers=as_sender).status_code == 409
    attempt(app, waiting)
    assert client.get(f"{NOTIFICATIONS}/{waiting}", headers=as_sender).json["status"] == "sent"


@pytest.mark.parametrize("missing", ["code", "link"])
def test_mail_of_another_service_with_a_gap_fails_and_says_which(
    app: Flask, client: FlaskClient, as_admin: dict[str, str], mailbox: Mailbox, missing: str
) -> None:
    variables = {name: value for name, value in CODE.items() if name != missing}
    notification_id = take_code(app, variables=variables)

    shown = attempt_until_it_ends(app, client, as_admin, notification_id)

    assert (shown["status"], shown["reason"]) == ("failed", "variables_invalid")
    assert f"/variables/{missing}" in shown["timeline"][-1]["detail"]
    assert mailbox.messages() == []


def test_mail_of_a_template_that_is_not_here_fails_and_says_so(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    notification_id = take_code(app, template="of_a_newer_release")

    shown = attempt_until_it_ends(app, client, as_admin, notification_id)

    assert (shown["status"], shown["reason"]) == ("failed", "template_unknown")


def test_address_that_is_none_fails_and_blocks_nothing(
    app: Flask, client: FlaskClient, as_admin: dict[str, str]
) -> None:
    notification_id = take_code(app, to_email="ada@example.org> BODY=8BITMIME\r\nRCPT TO:<eve@example.org")

    shown = attempt_until_it_ends(app, client, as_admin, notification_id)

    assert (shown["status"], shown["reason"]) == ("failed", "refused")


def test_mail_to_an_international_domain_goes_to_its_ascii_form(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    notification_id = send(client, as_sender, to={"email": "ada@exämple.org"})

    attempt_until_it_ends(app, client, as_sender, notification_id)

    assert mailbox.messages()[0]["to"] == ["ada@xn--exmple-cua.org"]

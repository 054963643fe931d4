"""What one address is sent: bounded, each content once in a while, and both visible."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text as sql

from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import MAIL, NOTIFICATIONS, send
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt_until_it_ends, show


@pytest.fixture
def strict_app(make_app: MakeApp, settings: NotificationsSettings) -> Flask:
    """Three mails an hour to one address, five urgent ones, and each content once."""
    changes: dict[str, Any] = {"recipient_hourly": 3, "urgent_recipient_hourly": 5, "repeat_seconds": 60}
    return make_app(settings.model_copy(update=changes))


def text(words: str) -> dict[str, dict[str, str]]:
    return {"variables": {"subject": "Hello", "text": words}}


def status_of(client: FlaskClient, headers: dict[str, str], message_id: str) -> tuple[str, str | None]:
    shown = show(client, headers, message_id)
    return shown["status"], shown["reason"]


def test_address_is_sent_so_many_messages_an_hour_and_the_rest_is_suppressed_and_says_so(
    strict_app: Flask, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    client = strict_app.test_client()
    addresses = [
        "ada@example.org",
        "Ada@example.org",
        "ADA@EXAMPLE.ORG",
        "ada@example.org",
        "grace@example.org",
    ]
    ids = [
        send(client, as_sender, to={"email": address}, **text(str(number)))
        for number, address in enumerate(addresses)
    ]

    suppressed = show(client, as_sender, ids[3])
    assert [status_of(client, as_sender, ids[number])[0] for number in (0, 1, 2, 4)] == ["queued"] * 4
    assert (suppressed["status"], suppressed["reason"]) == ("suppressed", "too_many_to_address")
    assert [event["name"] for event in suppressed["timeline"]] == ["accepted", "suppressed"]


def test_limits_of_urgent_messages_are_their_own(strict_app: Flask, as_sender: dict[str, str]) -> None:
    client = strict_app.test_client()
    for number in range(3):
        send(client, as_sender, to={"email": "ada@example.org"}, **text(str(number)))

    take_code(strict_app, to_email="ada@example.org")

    full = send(client, as_sender, to={"email": "ada@example.org"}, **text("one more"))
    assert status_of(client, as_sender, full) == ("suppressed", "too_many_to_address")
    items = [item for status in ("queued",) for item in _listed(client, status)]
    assert [item["template"] for item in items].count("verify_email") == 1


def _listed(client: FlaskClient, status: str) -> list[dict[str, Any]]:
    from shared.chassis.ids import new_id
    from shared.chassis.testing.tokens import access_token, bearer

    headers = bearer(access_token(new_id(), roles=("admin",)))
    items: list[dict[str, Any]] = client.get(
        NOTIFICATIONS, query_string={"status": status}, headers=headers
    ).json["items"]
    return items


def test_same_content_is_sent_once_and_the_second_can_be_sent_by_hand(
    strict_app: Flask, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    client = strict_app.test_client()
    first, second = send(client, as_sender), send(client, as_sender)
    other = send(client, as_sender, **text("other"))

    between = status_of(client, as_sender, second)
    client.post(f"{NOTIFICATIONS}/{second}/resend", headers=as_sender)
    shown = attempt_until_it_ends(strict_app, client, as_sender, second)

    assert between == ("suppressed", "repeated_content")
    assert [status_of(client, as_sender, message_id)[0] for message_id in (first, other)] == ["queued"] * 2
    assert shown["status"] == "sent"


def test_limit_holds_for_requests_at_once(strict_app: Flask, as_sender: dict[str, str]) -> None:
    def post(number: int) -> str:
        body = {**MAIL, **text(str(number))}
        with strict_app.test_client() as client:
            return str(client.post(NOTIFICATIONS, json=body, headers=as_sender).json["status"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(12)))

    assert sorted(answers) == ["queued"] * 3 + ["suppressed"] * 9


def test_messages_of_several_days_cannot_all_be_scheduled_for_one_hour(
    strict_app: Flask, as_sender: dict[str, str]
) -> None:
    client = strict_app.test_client()
    noon = utcnow() + timedelta(days=30)
    moments = [
        noon,
        noon + timedelta(minutes=10),
        noon - timedelta(minutes=10),
        noon,
        noon + timedelta(hours=2),
    ]
    ids = []
    for number, moment in enumerate(moments):
        ids.append(send(client, as_sender, send_at=moment.isoformat(), **text(str(number))))
        with strict_app.app_context(), transaction(db):  # each on another day
            db.session.execute(sql("UPDATE deliveries SET created_at = created_at - interval '1 day'"))

    found = [status_of(client, as_sender, message_id) for message_id in ids]

    assert [status for status, _ in found] == ["scheduled"] * 3 + ["suppressed", "scheduled"]
    assert found[3][1] == "too_many_to_address"


def resend(client: FlaskClient, headers: dict[str, str], message_id: str) -> tuple[int, str]:
    answer = client.post(f"{NOTIFICATIONS}/{message_id}/resend", headers=headers)
    return answer.status_code, answer.json.get("code", answer.json["status"])


def test_program_cannot_send_again_what_a_recipient_is_protected_from_and_a_person_can(
    strict_app: Flask, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    client = strict_app.test_client()
    ids = [send(client, as_sender, **text(str(number))) for number in range(5)]

    by_program = resend(client, as_sender, ids[4])
    by_person = resend(client, as_admin, ids[4])

    assert status_of(client, as_sender, ids[3]) == ("suppressed", "too_many_to_address")
    assert by_program == (409, "recipient_protected")
    assert by_person == (202, "queued")


def test_program_that_sends_one_message_again_and_again_is_stopped(
    strict_app: Flask, as_sender: dict[str, str], mailbox: Mailbox
) -> None:
    client = strict_app.test_client()
    message_id = send(client, as_sender)

    answers = []
    for _ in range(4):
        attempt_until_it_ends(strict_app, client, as_sender, message_id)
        answers.append(resend(client, as_sender, message_id))

    assert answers == [(202, "queued")] * 2 + [(409, "recipient_protected")] * 2
    assert len(mailbox.messages()) == 3


def test_program_cannot_keep_messages_by_cancelling_them_to_send_them_all_at_once(
    strict_app: Flask, as_sender: dict[str, str]
) -> None:
    client = strict_app.test_client()
    ids = []
    for number in range(5):
        ids.append(send(client, as_sender, **text(str(number))))
        client.post(f"{NOTIFICATIONS}/{ids[-1]}/cancel", headers=as_sender)

    answers = [resend(client, as_sender, message_id) for message_id in ids]

    assert [status for status, _ in answers] == [202] * 2 + [409] * 3

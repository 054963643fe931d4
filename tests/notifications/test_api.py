"""`/api/v1/notifications` over HTTP."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.messages import acceptance
from services.notifications.models import db
from services.notifications.recipients import recipients
from services.notifications.tasks import HANDLERS
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.tokens import access_token, bearer
from shared.contracts import messages, queues

NOTIFICATIONS = "/api/v1/notifications"
MAIL = {
    "template": "message",
    "to": {"email": "Ada@example.org"},
    "variables": {"subject": "Hello", "text": "World"},
}


def send(client: FlaskClient, headers: dict[str, str], **changes: object) -> str:
    answer = client.post(NOTIFICATIONS, json={**MAIL, **changes}, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json["id"])


def test_every_subscription_of_notifications_has_a_handler() -> None:
    subscribed = {kind for kind, services in queues.SUBSCRIBERS.items() if "notifications" in services}

    assert set(HANDLERS) == subscribed


def test_accepted_mail_is_shown_with_its_timeline(client: FlaskClient, as_sender: dict[str, str]) -> None:
    notification_id = send(client, as_sender)

    shown = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=as_sender).json

    assert (shown["status"], shown["to"]["email"]) == ("queued", "Ada@example.org")
    assert [event["name"] for event in shown["timeline"]] == ["accepted"]
    assert "World" not in str(shown)


def test_variables_are_not_readable_in_the_database(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    send(client, as_sender, variables={"subject": "Hello", "text": "code 314159"})

    with app.app_context():
        rows = db.session.execute(
            text("SELECT * FROM messages JOIN deliveries ON message_id = messages.id")
        ).all()

    assert "314159" not in str(rows)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", ""), ("GET", ""), ("GET", "/{id}"), ("POST", "/{id}/cancel"), ("POST", "/{id}/resend")],
)
def test_routes_are_closed_to_those_who_may_not(
    client: FlaskClient, as_nobody: dict[str, str], method: str, path: str
) -> None:
    target = NOTIFICATIONS + path.format(id=new_id())

    assert client.open(target, method=method, json=MAIL).status_code == 401
    assert client.open(target, method=method, json=MAIL, headers=as_nobody).status_code == 403


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template": "nope"}, "template_unknown"),
        ({"variables": {"subject": "x"}}, "variables_invalid"),
        ({"variables": {"subject": "x", "text": "y", "z": "z"}}, "variables_invalid"),
        ({"variables": {"subject": "x", "text": "nul\u0000"}}, "validation_failed"),
        ({"variables": {"subject": "x", "text": "y" * 10_001}}, "validation_failed"),
        ({"variables": {"subject": 1, "text": "y"}}, "validation_failed"),
        ({"to": {"email": "no address"}}, "validation_failed"),
        ({"to": {"email": "a@example.org\r\nBcc: b@example.org"}}, "validation_failed"),
        ({"to": {"email": "a" * 250 + "@example.org"}}, "validation_failed"),
        ({"to": {"email": "ö@@example.org"}}, "validation_failed"),
        ({"to": {"email": "ada@localhost"}}, "validation_failed"),
        ({"to": {}}, "validation_failed"),
        ({"to": {"email": "a@example.org", "user_id": str(new_id())}}, "validation_failed"),
        ({"to": {"user_id": str(new_id())}}, "recipient_unknown"),
        ({"send_at": "tomorrow"}, "validation_failed"),
        ({"send_at": "9999-12-31T23:59:59-01:00"}, "validation_failed"),
        ({"send_at": "2999-01-01T00:00:00Z"}, "validation_failed"),
        ({"to": {"email": "müller@example.com"}}, "validation_failed"),
        ({"surprise": 1}, "validation_failed"),
    ],
)
def test_bad_mail_answers_422_and_is_not_stored(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], changes: dict[str, object], code: str
) -> None:
    answer = client.post(NOTIFICATIONS, json={**MAIL, **changes}, headers=as_sender)

    assert (answer.status_code, answer.json["code"]) == (422, code)
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM messages")) == 0


def test_same_idempotency_key_makes_one_mail(client: FlaskClient, as_sender: dict[str, str]) -> None:
    headers = {**as_sender, "Idempotency-Key": "order-7"}

    assert send(client, headers) == send(client, headers)


def test_mail_to_an_account_goes_to_the_address_that_its_messages_told(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    account_id = new_id()
    verified = messages.AccountVerified(
        account_id=account_id, email="old@example.org", occurred_at=utcnow(), locale="de"
    )
    changed = messages.EmailChanged(
        account_id=account_id, old_email="old@example.org", new_email="new@example.org", occurred_at=utcnow()
    )
    with app.app_context(), transaction(db):
        recipients.know_new_address(changed)
        recipients.know(verified)  # late: it must not bring the old address back

    notification_id = send(client, as_sender, to={"user_id": str(account_id)})

    by_sender = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=as_sender).json
    by_admin = client.get(f"{NOTIFICATIONS}/{notification_id}", headers=as_admin).json
    assert by_admin["to"] == {"email": "new@example.org", "user_id": str(account_id)}
    assert by_sender["to"] == {"email": "n***@example.org", "user_id": str(account_id)}


def test_mail_to_an_account_is_in_its_owner_s_language(
    app: Flask, client: FlaskClient, as_sender: dict[str, str]
) -> None:
    account_id = new_id()
    verified = messages.AccountVerified(
        account_id=account_id, email="ada@example.org", occurred_at=utcnow(), locale="de"
    )
    changed = messages.EmailChanged(
        account_id=account_id, old_email="ada@example.org", new_email="a@example.org", occurred_at=utcnow()
    )
    with app.app_context(), transaction(db):
        recipients.know(verified)
        recipients.know_new_address(changed)

    plain = send(client, as_sender, to={"user_id": str(account_id)})
    stated = send(client, as_sender, to={"user_id": str(account_id)}, locale="fr")

    assert client.get(f"{NOTIFICATIONS}/{plain}", headers=as_sender).json["locale"] == "de"
    assert client.get(f"{NOTIFICATIONS}/{stated}", headers=as_sender).json["locale"] == "fr"


def test_program_neither_sees_nor_touches_what_another_asked_for(
    client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    stranger = bearer(access_token(new_id(), claims={"scope": "notifications:send"}))
    notification_id = send(client, as_sender)
    target = f"{NOTIFICATIONS}/{notification_id}"

    answers = [
        client.get(target, headers=stranger),
        client.post(f"{target}/cancel", headers=stranger),
        client.post(f"{target}/resend", headers=stranger),
    ]

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [
        (404, "notification_not_found")
    ] * 3
    assert client.get(target, headers=as_admin).json["status"] == "queued"


def test_mail_of_another_service_is_shown_to_administrators_alone(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    with app.app_context(), transaction(db):
        acceptance.take(messages.SendEmail(template="account_exists", to_email="Ada@Example.org"))
    (item,) = client.get(NOTIFICATIONS, headers=as_admin).json["items"]

    assert item["to"]["email"] == "Ada@example.org"
    assert client.get(f"{NOTIFICATIONS}/{item['id']}", headers=as_sender).status_code == 404


def test_deleted_account_leaves_nothing(app: Flask, client: FlaskClient, as_sender: dict[str, str]) -> None:
    account_id = new_id()
    verified = messages.AccountVerified(account_id=account_id, email="ada@example.org", occurred_at=utcnow())
    with app.app_context(), transaction(db):
        recipients.know(verified)
    send(client, as_sender, to={"user_id": str(account_id)})

    with app.app_context(), transaction(db):
        recipients.forget(messages.AccountDeleted(account_id=account_id, occurred_at=utcnow()))

    with app.app_context():
        for table in ("messages", "deliveries", "attempts", "recipients WHERE email IS NOT NULL"):
            assert db.session.scalar(text(f"SELECT count(*) FROM {table}")) == 0


def test_scheduled_mail_can_be_cancelled_once(client: FlaskClient, as_sender: dict[str, str]) -> None:
    notification_id = send(client, as_sender, send_at=(utcnow() + timedelta(days=30)).isoformat())

    first = client.post(f"{NOTIFICATIONS}/{notification_id}/cancel", headers=as_sender)
    second = client.post(f"{NOTIFICATIONS}/{notification_id}/cancel", headers=as_sender)

    assert (first.status_code, first.json["status"]) == (200, "cancelled")
    assert (second.status_code, second.json["code"]) == (409, "not_cancellable")


def test_only_what_has_ended_is_sent_again(client: FlaskClient, as_sender: dict[str, str]) -> None:
    notification_id = send(client, as_sender)

    early = client.post(f"{NOTIFICATIONS}/{notification_id}/resend", headers=as_sender)
    client.post(f"{NOTIFICATIONS}/{notification_id}/cancel", headers=as_sender)
    late = client.post(f"{NOTIFICATIONS}/{notification_id}/resend", headers=as_sender)

    assert (early.status_code, early.json["code"]) == (409, "not_resendable")
    assert (late.status_code, late.json["status"]) == (202, "queued")


def test_only_an_unknown_outcome_is_resolved(
    app: Flask, client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    notification_id = send(client, as_sender)
    target = f"{NOTIFICATIONS}/{notification_id}/resolve"
    early = client.post(target, json={"outcome": "delivered"}, headers=as_admin)
    with app.app_context():
        db.session.execute(text("UPDATE deliveries SET status = 'outcome_unknown'"))
        db.session.commit()

    late = client.post(target, json={"outcome": "delivered"}, headers=as_admin)

    assert (early.status_code, early.json["code"]) == (409, "not_unresolved")
    assert (late.json["status"], late.json["reason"]) == ("sent", "resolved_by_hand")


def test_list_is_filtered_and_paged(
    client: FlaskClient, as_sender: dict[str, str], as_admin: dict[str, str]
) -> None:
    ids = [send(client, as_sender, to={"email": f"u{number}@example.org"}) for number in range(5)]

    first = client.get(NOTIFICATIONS, headers=as_admin, query_string={"limit": 3}).json
    second = client.get(
        NOTIFICATIONS, headers=as_admin, query_string={"limit": 3, "cursor": first["next_cursor"]}
    ).json
    filtered = client.get(NOTIFICATIONS, headers=as_admin, query_string={"to": "U3@example.org"}).json

    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert [UUID(item["id"]) for item in filtered["items"]] == [UUID(ids[3])]


def test_unknown_notification_answers_404(client: FlaskClient, as_sender: dict[str, str]) -> None:
    answer = client.get(f"{NOTIFICATIONS}/{new_id()}", headers=as_sender)

    assert (answer.status_code, answer.json["code"]) == (404, "notification_not_found")

"""What the release before has written is moved without loss, also while that release still runs."""

from collections.abc import Iterator

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from services.notifications.app import create_app
from services.notifications.delivery import bells
from services.notifications.messages.timeline import of
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from services.notifications.store import messages as store
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PostgresServer
from tests.notifications.conftest import let_go

BEFORE = "2f9a6e81c7d0"
MAIL = """
INSERT INTO notifications (id, template, template_version, locale, topic, to_email, sealed_variables, status,
    reason, message_id, attempts, phase, lease_until, next_attempt_at, due_at, created_at, updated_at)
VALUES (:id, :template, 1, 'de', 'security', 'ada@example.org', 'sealed', :status, :reason, '<1@x.test>',
    :attempts, :phase, now() + make_interval(secs => :lease), now(), now(), now() - interval '1 hour', now())
"""
EVENT = """
INSERT INTO notification_events (id, notification_id, name, detail, occurred_at)
VALUES (:id, :of, :name, :detail, now() - interval '1 minute')
"""


@pytest.fixture
def old_app(postgres_server: PostgresServer, settings: NotificationsSettings) -> Iterator[Flask]:
    """An app on a database that the release before has migrated."""
    url = postgres_server.create_database("before_messages")
    values = {**settings.model_dump(by_alias=False), "database_url": url}
    app = create_app(NotificationsSettings.model_validate(values))
    with app.app_context():
        flask_migrate.upgrade(revision=BEFORE)
    yield app
    let_go(app)
    postgres_server.drop_database("before_messages")


def write(app: Flask, *events: tuple[str, str | None], **values: object) -> str:
    """A mail as the release before writes it; its id."""
    row = {"id": new_id(), "template": "verify_email", "status": "sent", "reason": None, "attempts": 1}
    row |= {"phase": None, "lease": -1, **values}
    with app.app_context(), transaction(db):
        db.session.execute(text(MAIL), row)
        for name, detail in [("accepted", None), *events]:
            values = {"id": new_id(), "of": row["id"], "name": name, "detail": detail}
            db.session.execute(text(EVENT), values)
    return str(row["id"])


def upgrade(app: Flask) -> None:
    with app.app_context():
        flask_migrate.upgrade()


def left(app: Flask) -> int:
    with app.app_context():
        return int(db.session.scalar(text("SELECT count(*) FROM notifications")) or 0)


def test_mail_becomes_a_message_a_delivery_and_its_attempts(old_app: Flask) -> None:
    events = [("retrying", "rcpt: 451 later"), ("failed", "refused"), ("resent", None), ("sent", "250 OK")]
    mail_id = write(old_app, *events, ("cancelled", None), attempts=3, template="message")

    upgrade(old_app)

    with old_app.app_context():
        (delivery,) = store.search(
            status="sent", template="message", to="ADA@example.org", since=None, cursor=None, limit=9
        )
        attempts = store.attempts_of(delivery)
        names = sorted(event["name"] for event in of(delivery, attempts))
    assert (str(delivery.message_id), delivery.lane, delivery.attempt_count) == (mail_id, "normal", 3)
    assert [(attempt.number, attempt.outcome, attempt.detail) for attempt in attempts] == [
        (1, "retrying", "rcpt: 451 later"),
        (2, "failed", "refused"),
        (3, "sent", "250 OK"),
    ]
    assert names == ["accepted", "cancelled", "failed", "resent", "retrying", "sent"]
    assert delivery.message.sealed_variables == "sealed"
    assert left(old_app) == 0


def test_what_a_person_has_resolved_is_an_action_and_no_attempt(old_app: Flask) -> None:
    events = [("outcome_unknown", "no answer"), ("sent", "resolved_by_hand")]
    write(old_app, *events, reason="resolved_by_hand")

    upgrade(old_app)

    with old_app.app_context():
        (delivery,) = store.search(status="sent", template=None, to=None, since=None, cursor=None, limit=9)
        attempts = store.attempts_of(delivery)
    assert [attempt.outcome for attempt in attempts] == ["outcome_unknown"]
    assert [(action["name"], action["detail"]) for action in delivery.actions] == [
        ("sent", "resolved_by_hand")
    ]


def test_what_the_release_before_is_sending_is_left_to_it_until_its_lease_is_over(old_app: Flask) -> None:
    write(old_app, status="sending", lease=3600)
    write(old_app, status="sending", lease=-1, phase="handed_over", template="message")

    upgrade(old_app)
    with old_app.app_context():
        bells.end_lost()
        statuses = db.session.scalars(text("SELECT status FROM deliveries")).all()

    assert (statuses, left(old_app)) == (["outcome_unknown"], 1)


def test_what_the_release_before_writes_after_the_migration_is_moved_by_the_workers_of_this_one(
    old_app: Flask,
) -> None:
    upgrade(old_app)
    mail_id = write(old_app, status="queued", attempts=0)

    with old_app.app_context(), transaction(db):
        moved = [store.adopt(10), store.adopt(10)]

    with old_app.app_context():
        (delivery,) = store.search(status="queued", template=None, to=None, since=None, cursor=None, limit=9)
    assert (str(delivery.message_id), delivery.lane, moved, left(old_app)) == (mail_id, "urgent", [1, 0], 0)


def test_the_way_back_keeps_every_message(old_app: Flask) -> None:
    write(old_app, ("sent", "250 OK"))
    upgrade(old_app)

    with old_app.app_context():
        flask_migrate.downgrade(revision=BEFORE)
        row = db.session.execute(text("SELECT to_email, status, attempts FROM notifications")).one()
        events = db.session.scalars(text("SELECT name FROM notification_events ORDER BY occurred_at")).all()

    assert tuple(row) == ("ada@example.org", "sent", 1)
    assert events == ["accepted", "sent"]

"""The bells of the lanes: bounded, without ids, and rung only where somebody can answer."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis
from celery import Celery
from flask import Flask
from flask.testing import FlaskClient

from services.notifications.delivery import bells, draining
from services.notifications.delivery.delivery import Term
from services.notifications.deps import deps
from services.notifications.lanes import LANES, NORMAL, Slots
from services.notifications.settings import NotificationsSettings
from shared.chassis.clock import utcnow
from shared.chassis.messaging import new_celery
from shared.contracts import queues
from tests.mailbox_process import Mailbox
from tests.notifications.test_api import NOTIFICATIONS, send
from tests.notifications.test_content import take_code


@pytest.fixture
def celery(app: Flask, settings: NotificationsSettings) -> Iterator[Celery]:
    """A broker that nobody takes anything from."""
    celery = new_celery(app, settings, service="notifications")
    yield celery
    celery.close()


def ring(app: Flask, celery: Celery) -> int:
    with app.app_context():
        return bells.ring(celery)


def in_redis(url: str) -> dict[str, list[bytes]]:
    """What lies in the queue of each lane."""
    with redis.from_url(url) as client:
        return {lane: client.lrange(f"doorward:celery:{queues.lane_queue(lane)}", 0, -1) for lane in LANES}


def test_queue_holds_one_bell_a_lane_however_much_is_due_and_however_often_a_relay_looks(
    app: Flask,
    client: FlaskClient,
    celery: Celery,
    redis_url: str,
    as_sender: dict[str, str],
) -> None:
    ids = [send(client, as_sender) for _ in range(30)]
    take_code(app)

    rung = [ring(app, celery) for _ in range(50)]

    waiting = in_redis(redis_url)
    assert sum(rung) == 2
    assert {lane: len(bells_) for lane, bells_ in waiting.items()} == {"urgent": 1, "normal": 1, "bulk": 0}
    assert [message_id for message_id in ids if message_id.encode() in b"".join(waiting["normal"])] == []


def test_no_bell_is_rung_where_nothing_is_due(
    app: Flask, client: FlaskClient, celery: Celery, as_sender: dict[str, str]
) -> None:
    send(client, as_sender, send_at=(utcnow() + timedelta(days=30)).isoformat())

    assert ring(app, celery) == 0


def test_no_bell_is_rung_where_every_slot_is_taken_or_no_mail_server_is_available(
    app: Flask, client: FlaskClient, celery: Celery, as_sender: dict[str, str]
) -> None:
    send(client, as_sender)

    with app.app_context(), deps().slots.take(NORMAL), deps().slots.take(NORMAL):
        while_busy = bells.ring(celery)
    breaker = app.extensions["doorward_notifications"].sender.outlets[0].breaker
    for _ in range(3):
        breaker.failed("no answer")
    while_open = ring(app, celery)
    breaker.succeeded()

    assert (while_busy, while_open, ring(app, celery)) == (0, 0, 1)


def test_bell_is_answered_by_all_that_is_due_in_its_lane_and_by_no_other(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    for _ in range(7):
        send(client, as_sender)
    take_code(app)

    with app.app_context():
        draining.drain(NORMAL)

    assert len(mailbox.messages()) == 7


def test_batch_that_takes_longer_than_its_lease_would_is_given_back_before_that(
    app: Flask,
    client: FlaskClient,
    mailbox: Mailbox,
    as_sender: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TermOfThreeMails(Term):
        """Each mail uses up a third of it."""

        @property
        def left_seconds(self) -> float:
            return self.seconds * (1 - (len(mailbox.messages()) - mails_before[self.began]) / 3)

    mails_before = defaultdict[float, int](lambda: len(mailbox.messages()))
    monkeypatch.setattr(draining, "Term", TermOfThreeMails)
    sent = [send(client, as_sender) for _ in range(7)]

    with app.app_context():
        draining.drain(NORMAL)

    timelines = [client.get(f"{NOTIFICATIONS}/{each}", headers=as_sender).json["timeline"] for each in sent]
    assert {event["name"] for timeline in timelines for event in timeline} == {"accepted", "sent"}


def test_bell_that_rings_where_no_slot_is_free_sends_nothing(
    app: Flask, client: FlaskClient, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    send(client, as_sender)

    with app.app_context(), deps().slots.take(NORMAL), deps().slots.take(NORMAL):
        draining.drain(NORMAL)

    assert mailbox.messages() == []


def test_bell_of_a_lane_of_a_newer_release_is_passed_over(app: Flask) -> None:
    with app.app_context():
        draining.drain("digest")


def test_slots_are_counted_by_lane() -> None:
    slots = Slots({"urgent": 1, "normal": 2})

    with slots.take("urgent") as first, slots.take("urgent") as second, slots.take("normal") as other:
        counts = (first, second, other, slots.free("urgent"), slots.free("normal"))

    assert counts == (True, False, True, 0, 1)
    assert (slots.free("urgent"), slots.free("normal")) == (1, 2)

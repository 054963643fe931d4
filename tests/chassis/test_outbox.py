"""The outbox under messages that are refused for ever: they stop nobody, and are shown and sent again."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

import pytest
from celery import Celery
from sqlalchemy import select, update

from shared.chassis import dead_messages, messaging
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import AccountRegistered, Message
from tests.chassis.conftest import Mini

PATIENCE = timedelta(days=3)


def send(mini: Mini, *names: str) -> None:
    with mini.app.app_context(), transaction(mini.db):
        for name in names:
            email = f"{name}@example.org"
            mini.outbox.send(AccountRegistered(account_id=new_id(), email=email, occurred_at=utcnow()))


class Subscriber:
    """users, as far as the sender sees it: handles what it is handed, or raises."""

    def __init__(self, mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mini = mini
        self.handled: list[str] = []
        self.is_healed = False
        celery = messaging.new_celery(mini.app, mini.settings, service="users")
        self._courier = messaging.Courier(
            celery,
            mini.db,
            service="users",
            secrets=mini.settings.accepted_secrets,
            outbox=mini.outbox,
            inbox_model=mini.inbox_model,
        )
        monkeypatch.setattr(self._courier, "_acknowledge", lambda _source, id_: self._acknowledge(id_))

    def _acknowledge(self, message_id: object) -> None:
        self.mini.outbox.acknowledge(message_id, "users")  # type: ignore[arg-type]

    def hear(self, message: Message) -> None:
        assert isinstance(message, AccountRegistered)
        if message.email.startswith("poison") and not self.is_healed:
            raise RuntimeError("never")
        self.handled.append(message.email.partition("@")[0])

    def step(self, now: datetime, *, unread: Collection[str] = ()) -> int:
        """One round of the relay at ``now``, each message handed over at once; how many were published."""
        with self.mini.app.app_context():
            dead_messages.bury(self.mini.outbox, now, unread=unread, after=PATIENCE)
            batch = self.mini.outbox.claim(now, unread=unread)
            for claimed in batch:
                try:
                    self._courier.receive(AccountRegistered, self.hear, claimed.sealed)
                except RuntimeError:
                    continue
        return len(batch)

    def dead(self) -> list[str]:
        with self.mini.app.app_context():
            return [str(row.message_id) for row in dead_messages.find_all(self.mini.outbox, limit=10)]


@pytest.fixture
def subscriber(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    return Subscriber(mini, monkeypatch)


@pytest.mark.parametrize("attempts", [0, 11, 12, 1020, 1021, 2_147_483_000])
def test_no_number_of_attempts_stops_the_others(mini: Mini, subscriber: Subscriber, attempts: int) -> None:
    send(mini, "poison", "ada")
    with mini.app.app_context(), transaction(mini.db) as session:
        session.execute(update(mini.outbox_model).values(attempts=attempts))

    assert subscriber.step(utcnow()) == 2
    assert subscriber.handled == ["ada"]


def test_message_refused_for_days_dies_and_healthy_ones_pass_all_the_while(
    mini: Mini, subscriber: Subscriber
) -> None:
    send(mini, "poison")
    begun = utcnow()

    rounds, died_after = 0, timedelta()
    while not subscriber.dead() and died_after < 2 * PATIENCE:
        rounds += 1
        is_between = timedelta(hours=1) <= died_after < PATIENCE - timedelta(hours=1)
        died_after += timedelta(minutes=30 if is_between else 5)
        send(mini, f"ada-{rounds}")
        subscriber.step(begun + died_after)

    assert PATIENCE <= died_after <= PATIENCE + timedelta(minutes=15)
    assert subscriber.handled == [f"ada-{number}" for number in range(1, rounds + 1)]
    assert subscriber.step(begun + timedelta(days=30)) == 0  # dead: published no more


def test_subscriber_that_is_away_for_weeks_loses_nothing(mini: Mini, subscriber: Subscriber) -> None:
    send(mini, "ada")
    begun = utcnow()
    with mini.app.app_context():
        mini.outbox.claim(begun)  # published, and nobody is there to read it
        for hours in range(1, 24 * 20):
            now = begun + timedelta(hours=hours)
            assert dead_messages.bury(mini.outbox, now, unread={"users"}, after=PATIENCE) == 0
            mini.outbox.claim(now, unread={"users"})

    subscriber.step(begun + timedelta(days=20))

    assert (subscriber.dead(), subscriber.handled) == ([], ["ada"])


def dead_poison(mini: Mini, subscriber: Subscriber) -> str:
    """The id of a message that died."""
    send(mini, "poison")
    begun = utcnow()
    for days in (0, 1, 5):
        subscriber.step(begun + timedelta(days=days))
    (dead,) = subscriber.dead()
    return dead


def test_dead_message_is_sent_again_when_asked(mini: Mini, subscriber: Subscriber) -> None:
    dead_poison(mini, subscriber)
    subscriber.is_healed = True

    with mini.app.app_context():
        assert dead_messages.resend(mini.outbox, None, utcnow()) == 1
    subscriber.step(utcnow())

    assert (subscriber.dead(), subscriber.handled, mini.waiting()) == ([], ["poison"], 0)


def test_resending_one_message_leaves_other_dead_ones_alone(mini: Mini, subscriber: Subscriber) -> None:
    dead_poison(mini, subscriber)

    with mini.app.app_context():
        assert dead_messages.resend(mini.outbox, [new_id()], utcnow()) == 0

    assert len(subscriber.dead()) == 1


def test_late_acknowledgement_removes_a_dead_message(mini: Mini, subscriber: Subscriber) -> None:
    dead_poison(mini, subscriber)

    with mini.app.app_context():
        message_id = mini.db.session.scalar(select(mini.outbox_model.message_id))
        mini.outbox.acknowledge(message_id, "users")

    assert mini.waiting() == 0


def test_metrics_count_the_dead_apart_from_those_that_wait(mini: Mini, subscriber: Subscriber) -> None:
    dead_poison(mini, subscriber)
    send(mini, "ada")

    shown = mini.app.test_client().get("/metrics").text.splitlines()

    assert 'doorward_outbox_dead{service="auth"} 1.0' in shown
    assert 'doorward_outbox_waiting{service="auth"} 1.0' in shown


def test_row_of_which_no_message_can_be_made_stops_no_other(
    mini: Mini, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(mini, "ada", "bob", "eve")
    with mini.app.app_context(), transaction(mini.db) as session:
        first = session.scalars(select(mini.outbox_model).limit(1)).one()
        first.subscriber = "a service of another release"
    celery: Celery = messaging.new_celery(mini.app, mini.settings, service="auth")
    published: list[str] = []
    really: Callable[..., None] = messaging.publish

    def publish(celery: Celery, claimed: messaging.Claimed) -> None:
        really(celery, claimed)
        published.append(claimed.subscriber)

    monkeypatch.setattr(messaging, "publish", publish)

    with mini.app.app_context():
        messaging.relay_outbox(celery, mini.outbox)

    assert published == ["users", "users"]

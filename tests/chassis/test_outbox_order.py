"""Messages of one subject are handled in the order in which they were sent, each once, whatever fails."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from shared.chassis import dead_messages, messaging
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.outbox import BATCH, Claimed
from shared.contracts import queues
from shared.contracts.messages import AccountRegistered, Message
from tests.chassis.conftest import Mini

SUBJECTS = [new_id() for _ in range(4)]
PATIENCE = timedelta(days=3)


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """users hears registrations in order, account by account."""
    monkeypatch.setattr(queues, "IN_ORDER", {"users": {AccountRegistered: "account_id"}})


def send(mini: Mini, subject: UUID, *numbers: int) -> None:
    """Each in a transaction of its own."""
    for number in numbers:
        email = f"{number}@example.org"
        with mini.app.app_context(), transaction(mini.db):
            mini.outbox.send(AccountRegistered(account_id=subject, email=email, occurred_at=utcnow()))


class Subscriber:
    """users, as far as the sender sees it."""

    def __init__(self, mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
        self.handled: dict[UUID, list[int]] = defaultdict(list)
        celery = messaging.new_celery(mini.app, mini.settings, service="users")
        self._courier = messaging.Courier(
            celery,
            mini.db,
            service="users",
            secrets=mini.settings.accepted_secrets,
            outbox=mini.outbox,
            inbox_model=mini.inbox_model,
        )
        self.loses_acknowledgement = False
        self._mini = mini
        monkeypatch.setattr(self._courier, "_acknowledge", self._acknowledge)

    def _acknowledge(self, _source: str, message_id: UUID) -> None:
        if not self.loses_acknowledgement:
            self._mini.outbox.acknowledge(message_id, "users")

    def hear(self, message: Message) -> None:
        assert isinstance(message, AccountRegistered)
        self.handled[message.account_id].append(int(message.email.partition("@")[0]))

    def take(self, claimed: Claimed) -> None:
        with self._mini.app.app_context():
            self._courier.receive(AccountRegistered, self.hear, claimed.sealed)


@pytest.fixture
def subscriber(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> Subscriber:
    return Subscriber(mini, monkeypatch)


def claimed_by(mini: Mini, relays: int, now: datetime) -> list[Claimed]:
    """What so many relays claim at once."""

    def claim(_number: int) -> list[Claimed]:
        with mini.app.app_context():
            return mini.outbox.claim(now)

    with ThreadPoolExecutor(relays) as pool:
        return [claimed for batch in pool.map(claim, range(relays)) for claimed in batch]


def later(now: datetime) -> Iterator[datetime]:
    """Moments at which everything is due again."""
    while True:
        now += timedelta(minutes=10)
        yield now


@pytest.mark.parametrize("seed", range(3))
def test_order_is_kept_whatever_is_lost_repeated_or_overtakes(
    mini: Mini, subscriber: Subscriber, seed: int
) -> None:
    chance = Random(seed)
    for number in range(6):
        for subject in SUBJECTS:
            send(mini, subject, number)
    on_the_way: list[Claimed] = []

    for now, _ in zip(later(utcnow()), range(300), strict=False):
        on_the_way += claimed_by(mini, 2, now)
        chance.shuffle(on_the_way)
        for claimed in list(on_the_way):
            fate = chance.choice(["lost", "handled", "handled", "handled twice", "not acknowledged", "late"])
            subscriber.loses_acknowledgement = fate == "not acknowledged"
            if fate != "lost" and fate != "late":
                subscriber.take(claimed)
            if fate != "handled twice" and fate != "late":
                on_the_way.remove(claimed)
        if mini.waiting() == 0:
            break

    assert mini.waiting() == 0
    assert subscriber.handled == {subject: list(range(6)) for subject in SUBJECTS}


def test_next_message_goes_as_soon_as_the_one_before_is_acknowledged(
    mini: Mini, subscriber: Subscriber
) -> None:
    send(mini, SUBJECTS[0], 1, 2)

    with mini.app.app_context():
        (first,) = mini.outbox.claim(utcnow())
        assert mini.outbox.claim(utcnow()) == []
        subscriber.take(first)
        (second,) = mini.outbox.claim(utcnow())
    subscriber.take(second)

    assert subscriber.handled == {SUBJECTS[0]: [1, 2]}


def test_rows_that_wait_for_another_hide_no_other_subject(mini: Mini, subscriber: Subscriber) -> None:
    with mini.app.app_context(), transaction(mini.db):
        mini.outbox.send_all(
            AccountRegistered(account_id=SUBJECTS[0], email=f"{number}@example.org", occurred_at=utcnow())
            for number in range(2 * BATCH)
        )
    with mini.app.app_context():
        mini.outbox.claim(utcnow())
    send(mini, SUBJECTS[1], 7)

    with mini.app.app_context():
        (claimed,) = mini.outbox.claim(utcnow())
    subscriber.take(claimed)

    assert subscriber.handled == {SUBJECTS[1]: [7]}


def test_dead_message_holds_up_none_of_its_subject(mini: Mini, subscriber: Subscriber) -> None:
    send(mini, SUBJECTS[0], 1, 2)
    begun = utcnow()
    for days in (0, 1, 5):
        with mini.app.app_context():
            dead_messages.bury(mini.outbox, begun + timedelta(days=days), unread=(), after=PATIENCE)
            claimed = mini.outbox.claim(begun + timedelta(days=days))

    subscriber.take(*claimed)

    assert subscriber.handled == {SUBJECTS[0]: [2]}

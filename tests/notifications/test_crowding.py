"""What is slow never takes all slots of a lane, and a domain that puts messages off is given time."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask

from services.notifications.delivery import draining
from services.notifications.delivery.crowding import SLOW_FOR_SECONDS, Crowd
from services.notifications.delivery.pacing import LONGEST_PAUSE_SECONDS, Paces
from services.notifications.deps import deps
from services.notifications.lanes import Slots
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import Mailbox
from tests.notifications.conftest import MakeApp
from tests.notifications.test_api import send
from tests.notifications.test_content import take_code
from tests.notifications.test_delivery import attempt, show
from tests.notifications.test_progress import Clock

SLOTS = {"normal": 2, "bulk": 1}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def running(crowd: Crowd, key: str, attempts: int, lane: str = "normal") -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(attempts):
            stack.enter_context(crowd.attempt(key, lane))
        yield


def test_quick_domain_has_all_slots_and_a_slow_one_all_but_one(clock: Clock) -> None:
    crowd = Crowd(SLOTS, clock)

    with running(crowd, "a", 1):
        quick = crowd.is_full_for("a", "normal")
        clock.pass_seconds(2)
        slow, other = crowd.is_full_for("a", "normal"), crowd.is_full_for("b", "normal")

    assert (quick, slow, other) == (False, True, False)


def test_domain_stays_slow_for_a_while_or_until_it_is_quick(clock: Clock) -> None:
    crowd = Crowd(SLOTS, clock)

    def is_slow() -> bool:
        with running(crowd, "a", 1):
            return crowd.is_full_for("a", "normal")

    with running(crowd, "a", 1):
        clock.pass_seconds(2)
    first, after_a_quick_one = is_slow(), is_slow()
    with running(crowd, "a", 1):
        clock.pass_seconds(2)
    clock.pass_seconds(SLOW_FOR_SECONDS)

    assert (first, after_a_quick_one, is_slow()) == (True, False, False)


def test_lane_whose_slots_all_wait_for_one_has_one_more(clock: Clock) -> None:
    crowd = Crowd(SLOTS, clock)
    slots = Slots(SLOTS, crowd.is_stuck)

    with slots.take("normal"), slots.take("normal"), running(crowd, "a", 2):
        before = slots.free("normal")
        clock.pass_seconds(2)
        stuck = slots.free("normal")
        with slots.take("normal") as is_taken, running(crowd, "b", 1):
            extra = slots.free("normal")
    with slots.take("bulk"), running(crowd, "a", 1, "bulk"):
        clock.pass_seconds(2)
        bulk = slots.free("bulk")

    assert (before, stuck, is_taken, extra, bulk, slots.free("normal")) == (0, 1, True, 0, 1, 2)


def test_messages_to_others_arrive_while_a_domain_hangs_in_every_slot(
    make_app: MakeApp, settings: NotificationsSettings, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    changes = {"smtp_timeout_seconds": 60, "attempt_lease_seconds": 120}
    app = make_app(settings.model_copy(update=changes))
    client = app.test_client()
    for number in range(4):
        send(client, as_sender, to={"email": f"{number}@slow.example"})
    mailbox.chaos(hang_at="rcpt", only_to="@slow.example")

    def drain() -> None:
        with app.app_context():
            draining.drain("normal")

    with app.app_context():
        slots = deps().slots
    threads = [threading.Thread(target=drain) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: slots._free["normal"] == 0 and slots.free("normal") == 1, what="a stuck lane")
    quick = [send(client, as_sender, to={"email": f"{number}@quick.example"}) for number in range(3)]
    drain()
    arrived = {mail["to"][0] for mail in mailbox.messages()}
    mailbox.chaos()
    for thread in threads:
        thread.join()

    assert arrived == {f"{number}@quick.example" for number in range(3)}
    assert {show(client, as_sender, message_id)["status"] for message_id in quick} == {"sent"}


def test_pause_of_a_domain_grows_and_ends_with_a_message_that_it_takes(clock: Clock) -> None:
    paces = Paces(clock)

    def pauses(times: int, asked: float = 0) -> list[float]:
        found = []
        for _ in range(times):
            paces.put_off("a", asked)
            found.append(paces.left_seconds("a"))
        return found

    growing = pauses(4)
    paces.took("a")
    ended = paces.left_seconds("a")
    asked = pauses(2, 300)
    longest = pauses(20)[-1]
    clock.pass_seconds(LONGEST_PAUSE_SECONDS)

    assert growing == [0, 5, 10, 20]
    assert (ended, asked, longest) == (0, [0, 300], LONGEST_PAUSE_SECONDS)
    assert (paces.left_seconds("a"), paces.left_seconds("b")) == (0, 0)


def test_domain_that_puts_messages_off_is_given_time_but_for_urgent_ones(
    app: Flask, mailbox: Mailbox, as_sender: dict[str, str]
) -> None:
    client = app.test_client()
    mailbox.chaos(
        reject_rate=1, reject_code=450, reject_text="4.7.0 try again in 60 seconds", only_to="@busy.example"
    )
    to = {"email": "ada@busy.example"}
    for _ in range(2):
        attempt(app, send(client, as_sender, to=to))
    mailbox.clear()
    waits, other = send(client, as_sender, to=to), send(client, as_sender)
    take_code(app, to_email="eve@busy.example")

    with app.app_context():
        made = {lane: draining.drain_all(lane) for lane in ("normal", "urgent")}

    shown = show(client, as_sender, waits)
    assert (shown["status"], shown["attempts"]) == ("queued", 0)
    assert shown["send_at"] > shown["created_at"]
    assert show(client, as_sender, other)["status"] == "sent"
    assert {mail["to"][0] for mail in mailbox.messages()} == {"Ada@example.org", "eve@busy.example"}
    assert made["urgent"] == 1

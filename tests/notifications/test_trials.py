"""Short versions of the trials: what hangs, is stopped or floods delays nothing else and loses nothing."""

import pytest
from flask import Flask

from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.clients import PrivateRedis
from tests.notifications import outages, trials
from tests.notifications.conftest import MakeApp
from tests.notifications.sink import Sink
from tests.notifications.test_workers import changed

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def mine(settings: NotificationsSettings, sink: Sink) -> NotificationsSettings:
    """Leases and timeouts of a second or two: what hangs is soon found out."""
    return changed(
        settings,
        smtp_port=sink.port,
        smtp_timeout_seconds=1,
        smtp_final_timeout_seconds=2,
        attempt_lease_seconds=3,
    )


def test_server_that_hangs_fills_nothing_and_the_next_one_takes_its_messages(
    app: Flask, mine: NotificationsSettings, sink: Sink
) -> None:
    found = trials.hang(app, mine, sink, messages=200, seconds=0, urgent=2)

    # One bell a lane, and what a worker is just reading.
    assert found.entries_at_most <= 3 + mine.worker_concurrency
    assert found.arrived_by_the_second_server == found.accepted == 200 + 2 * (1 + trials.BESIDE)


def test_worker_that_is_stopped_past_its_lease_sends_no_second_copy(
    app: Flask, mine: NotificationsSettings, sink: Sink
) -> None:
    found = trials.pause(app, mine, sink, messages=300)

    assert found.again == 0
    assert found.never <= found.statuses.get("outcome_unknown", 0) <= 4
    assert set(found.statuses) <= {"sent", "outcome_unknown"}


def test_urgent_messages_overtake_bulk_ones(app: Flask, mine: NotificationsSettings, sink: Sink) -> None:
    found = trials.lanes(app, mine, sink, bulk=1000, urgent=3)

    assert found.bulk_left > 0


def test_redis_that_is_emptied_and_stopped_delays_no_answer_and_doubles_nothing(
    make_app: MakeApp, mine: NotificationsSettings, sink: Sink, private_redis: PrivateRedis
) -> None:
    own = changed(mine, redis_url=private_redis.url())

    found = outages.play(make_app(own), own, sink, private_redis, messages=300, seconds=0)

    assert found.answers == {202: 300}
    assert (found.copies.once, found.copies.again, found.copies.never) == (300, 0, 0)

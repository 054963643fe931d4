"""What an attempt comes to, by what is known of it."""

from datetime import timedelta

import pytest

from services.notifications import outcomes
from services.notifications.outcomes import Patience
from shared.chassis.clock import utcnow

NOW = utcnow()
PATIENCE = Patience(first_wait_seconds=5, hours=24)


def test_waits_double_and_are_bounded() -> None:
    waits = [PATIENCE.wait_after(number).total_seconds() for number in range(1, 40)]

    assert 4 <= waits[0] <= 6
    assert 8 <= waits[1] <= 12
    assert max(waits) == 3600


def test_mail_that_was_not_sent_is_tried_again_after_a_wait() -> None:
    outcome = outcomes.not_sent("451", attempts=1, due_at=NOW, now=NOW, patience=PATIENCE)

    assert (outcome.status, outcome.detail) == ("retrying", "451")
    assert outcome.wait is not None
    assert outcome.wait > timedelta(0)


def test_mail_that_was_tried_for_too_long_has_failed() -> None:
    outcome = outcomes.not_sent(
        "451", attempts=9, due_at=NOW - timedelta(hours=24), now=NOW, patience=PATIENCE
    )

    assert (outcome.status, outcome.reason, outcome.wait) == ("failed", "tried_too_long", None)


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_mail_of_a_worker_that_died_before_the_handover_is_tried_again_at_once(attempts: int) -> None:
    outcome = outcomes.lost(is_handed_over=False, attempts=attempts, due_at=NOW, now=NOW, patience=PATIENCE)

    assert (outcome.status, outcome.wait) == ("retrying", timedelta(0))


def test_mail_that_kills_its_worker_again_and_again_has_to_wait_and_fails_in_the_end() -> None:
    suspected = outcomes.lost(is_handed_over=False, attempts=6, due_at=NOW, now=NOW, patience=PATIENCE)
    given_up = outcomes.lost(
        is_handed_over=False, attempts=60, due_at=NOW - timedelta(hours=25), now=NOW, patience=PATIENCE
    )

    assert suspected.wait is not None
    assert suspected.wait > timedelta(seconds=10)
    assert (given_up.status, given_up.reason) == ("failed", "tried_too_long")


def test_mail_of_a_worker_that_died_after_the_handover_is_not_tried_again() -> None:
    outcome = outcomes.lost(is_handed_over=True, attempts=1, due_at=NOW, now=NOW, patience=PATIENCE)

    assert (outcome.status, outcome.reason, outcome.wait) == ("outcome_unknown", "worker_lost", None)

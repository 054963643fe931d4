"""What an attempt comes to, by what is known of it."""

from datetime import timedelta
from typing import Any

import pytest

from services.notifications.delivery import outcomes
from services.notifications.delivery.outcomes import Patience, Situation
from shared.chassis.clock import utcnow

NOW = utcnow()
PATIENCE = Patience(first_wait_seconds=5, hours=24)


def test_waits_double_and_are_bounded() -> None:
    waits = [PATIENCE.wait_after(number).total_seconds() for number in range(1, 40)]

    assert 4 <= waits[0] <= 6
    assert 8 <= waits[1] <= 12
    assert max(waits) == 3600


def situation(**changes: object) -> Situation:
    known: dict[str, Any] = {"retry_count": 1, "due_at": NOW, "now": NOW, "patience": PATIENCE, **changes}
    return Situation(**known)


LATE = {"due_at": NOW - timedelta(hours=24)}


def test_message_that_was_not_sent_is_tried_again_after_a_wait() -> None:
    outcome = outcomes.not_sent("451", situation())

    assert (outcome.status, outcome.detail) == ("retrying", "451")
    assert outcome.wait is not None
    assert outcome.wait > timedelta(0)


def test_message_waits_for_as_long_as_the_server_asked_for_but_no_more_than_an_hour() -> None:
    asked, much = timedelta(minutes=5), timedelta(days=1)

    assert outcomes.not_sent("450", situation(), least_wait=asked).wait == asked
    assert outcomes.not_sent("450", situation(), least_wait=much).wait == outcomes.LONGEST_WAIT


def test_message_that_was_tried_for_too_long_has_failed() -> None:
    outcome = outcomes.not_sent("451", situation(**LATE))

    assert (outcome.status, outcome.reason, outcome.wait) == ("failed", "tried_too_long", None)


@pytest.mark.parametrize("retry_count", [1, 2, 3])
def test_message_of_a_worker_that_died_before_the_handover_is_tried_again_at_once(retry_count: int) -> None:
    outcome = outcomes.lost(situation(retry_count=retry_count), is_handed_over=False)

    assert (outcome.status, outcome.wait) == ("retrying", timedelta(0))


def test_message_that_kills_its_worker_again_and_again_has_to_wait_and_fails_in_the_end() -> None:
    suspected = outcomes.lost(situation(retry_count=6), is_handed_over=False)
    given_up = outcomes.lost(situation(retry_count=60, **LATE), is_handed_over=False)

    assert suspected.wait is not None
    assert suspected.wait > timedelta(seconds=10)
    assert (given_up.status, given_up.reason) == ("failed", "tried_too_long")


def test_unknown_outcome_is_left_to_a_person_where_a_second_copy_would_do_harm() -> None:
    outcome = outcomes.lost(situation(), is_handed_over=True)

    assert (outcome.status, outcome.reason, outcome.wait) == ("outcome_unknown", "worker_lost", None)


def test_code_with_an_unknown_outcome_is_sent_again_and_its_attempt_stays_unknown() -> None:
    outcome = outcomes.unknown("no_answer", "timed out", situation(is_sent_again=True))

    assert (outcome.status, outcome.attempt, outcome.reason) == ("retrying", "outcome_unknown", "no_answer")
    assert outcome.wait is not None


def test_attempts_that_reached_nobody_do_not_count_as_copies_of_a_code() -> None:
    deferred_before = situation(is_sent_again=True, retry_count=10, unknown_count=1)

    assert outcomes.unknown("no_answer", None, deferred_before).status == "retrying"


@pytest.mark.parametrize("changes", [{"unknown_count": outcomes.SENT_AGAIN_AT_MOST}, LATE])
def test_code_is_sent_again_a_bounded_number_of_times(changes: dict[str, object]) -> None:
    outcome = outcomes.unknown("no_answer", None, situation(is_sent_again=True, **changes))

    assert outcome.status == "outcome_unknown"

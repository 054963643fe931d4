"""Breakers and rates of mail servers: who is left alone, for how long, and who tries again."""

import pytest

from services.notifications.smtp.breakers import FAILURES, LONGEST_PAUSE_SECONDS, Breaker
from services.notifications.smtp.rates import PerDay, PerSecond
from tests.notifications.test_progress import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_breaker(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed("no answer")
    return breaker


def test_few_failures_change_nothing_and_a_success_forgets_them(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(5):
        opened = [breaker.failed("no answer") for _ in range(FAILURES - 1)]
        breaker.succeeded()

        assert not any(opened)
    assert (breaker.state, breaker.enter(), breaker.last_error) == ("closed", True, "no answer")


def test_open_breaker_lets_nobody_in_until_its_pause_is_over(clock: Clock, open_breaker: Breaker) -> None:
    early = (open_breaker.state, open_breaker.is_open(), open_breaker.enter())
    clock.pass_seconds(5)

    assert early == ("open", True, False)
    assert (open_breaker.state, open_breaker.is_open()) == ("half_open", False)


def test_half_open_breaker_lets_one_in_at_a_time(clock: Clock, open_breaker: Breaker) -> None:
    clock.pass_seconds(5)

    entered = [open_breaker.enter() for _ in range(3)]
    open_breaker.left()
    again = open_breaker.enter()
    open_breaker.succeeded()

    assert (entered, again) == ([True, False, False], True)
    assert [open_breaker.enter() for _ in range(3)] == [True] * 3


def test_pause_doubles_and_is_bounded(clock: Clock, open_breaker: Breaker) -> None:
    pauses = []
    for _ in range(8):
        seconds = 0
        while open_breaker.is_open():
            clock.pass_seconds(1)
            seconds += 1
        pauses.append(seconds)
        assert open_breaker.enter()
        assert open_breaker.failed("no answer")

    assert pauses[:3] == [5, 10, 20]
    assert max(pauses) == LONGEST_PAUSE_SECONDS


def test_rate_a_second_fills_with_time(clock: Clock) -> None:
    rate = PerSecond(2, clock)

    taken = [rate.take() for _ in range(3)]
    clock.pass_seconds(0.5)

    assert taken == [True, True, False]
    assert (rate.has_room(), rate.take(), rate.has_room()) == (True, True, False)


def test_slow_rate_still_lets_one_through_now_and_then(clock: Clock) -> None:
    rate = PerSecond(0.1, clock)

    first, second = rate.take(), rate.take()
    clock.pass_seconds(10)

    assert (first, second, rate.take()) == (True, False, True)


def test_rate_a_second_is_shared_by_the_workers_that_are_there(clock: Clock) -> None:
    rate = PerSecond(4, clock)

    rate.share(2)
    of_two = [rate.take() for _ in range(3)]
    rate.share(1)
    clock.pass_seconds(1)
    alone = [rate.take() for _ in range(5)]

    assert (of_two, alone) == ([True, True, False], [True, True, True, True, False])


def test_rate_a_day_counts_what_others_have_sent(clock: Clock) -> None:
    sent = [8]
    day = PerDay(10, lambda: sent[0], clock)

    taken = [day.take() for _ in range(3)]
    sent[0] = 5
    early = day.take()
    clock.pass_seconds(60)

    assert (taken, early, day.take()) == ([True, True, False], False, True)

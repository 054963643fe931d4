"""The watchdog: a worker that is alive and deaf ends, and no other does."""

import pytest

from services.notifications.delivery import watchdog
from services.notifications.delivery.progress import Progress


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_seconds(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress(clock)


def is_ended(progress: Progress) -> bool:
    ends: list[bool] = []
    watchdog.check(progress, patience_seconds=60, end=lambda: ends.append(True))
    return bool(ends)


def test_worker_whose_bells_nobody_answers_ends(clock: Clock, progress: Progress) -> None:
    progress.rang()
    clock.pass_seconds(40)
    progress.rang()
    early = is_ended(progress)
    clock.pass_seconds(30)

    assert (early, is_ended(progress)) == (False, True)


def test_worker_that_has_rung_nothing_goes_on(clock: Clock, progress: Progress) -> None:
    clock.pass_seconds(3600)

    assert not is_ended(progress)


def test_worker_whose_broker_is_away_goes_on(clock: Clock, progress: Progress) -> None:
    progress.rang()
    progress.has_nothing_to_do()
    clock.pass_seconds(3600)

    assert not is_ended(progress)


def test_worker_in_the_middle_of_a_long_attempt_goes_on(clock: Clock, progress: Progress) -> None:
    progress.rang()
    with progress.attempt():
        progress.rang()
        clock.pass_seconds(3600)
        meanwhile = is_ended(progress)
    afterwards = is_ended(progress)

    assert (meanwhile, afterwards) == (False, False)


def test_silence_is_counted_from_the_last_attempt(clock: Clock, progress: Progress) -> None:
    progress.rang()
    clock.pass_seconds(59)
    with progress.attempt():
        pass
    progress.rang()
    clock.pass_seconds(59)

    assert not is_ended(progress)

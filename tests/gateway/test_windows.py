"""One worker's account of a quota: what it owes when Redis was late, away, or has lost its memory."""

import pytest
from redis import Redis

from gateway.limits import counting
from gateway.limits.redis_link import RedisLink
from gateway.limits.window import Told, Window
from gateway.policies.limits import Limit
from shared.chassis.ids import new_id

LIMIT = Limit("exact", 10, 60, slack=0)


def told(granted: int, left: int, rest_ms: int, now_ms: int, at: float) -> Told:
    return Told(granted, left, rest_ms, now_ms + rest_ms, at, at + 0.01)


def admitted(window: Window, answer: Told) -> Window:
    """A request that Redis granted: what remains of the grant is kept."""
    window.end_if_over(answer.sent_at)
    window.held += window.hear(LIMIT, answer) - LIMIT.cost
    window.admitted += LIMIT.cost
    return window


def test_what_was_admitted_alone_is_owed_and_paid() -> None:
    window = Window()
    assert [window.take_share(LIMIT, 0.0, 2) for _ in range(6)] == [True] * 5 + [False]

    admitted(window, told(6, 4, 60_000, 1_000, at=1.0))

    assert (window.debt, window.held, window.left_elsewhere) == (0, 0, 4)


def test_another_window_within_the_one_known_is_a_lost_memory() -> None:
    window = Window()
    for left in (9, 8, 7):
        admitted(window, told(1, left, 60_000, 1_000, at=1.0))

    admitted(window, told(1, 9, 60_000, 2_000, at=2.0))

    assert window.debt == 3
    admitted(window, told(4, 5, 59_900, 2_100, at=2.1))
    assert (window.debt, window.held) == (0, 0)


def test_less_used_than_was_granted_is_a_lost_memory_at_once() -> None:
    window = Window()
    for left in (9, 8, 7):
        admitted(window, told(1, left, 60_000, 1_000, at=1.0))

    admitted(window, told(1, 9, 59_999, 1_001, at=1.001))

    assert window.debt == 3


def test_the_next_window_owes_nothing_though_its_answer_was_asked_for_in_the_last() -> None:
    window = Window()
    for left in (9, 8, 7):
        admitted(window, told(1, left, 1_000, 1_000, at=1.0))

    admitted(window, told(1, 9, 60_000, 2_001, at=1.999))

    assert (window.debt, window.counted, window.admitted) == (0, 1, 1)


def test_a_late_answer_is_no_lost_memory() -> None:
    window = Window()
    admitted(window, told(1, 9, 60_000, 1_000, at=1.0))

    admitted(window, Told(1, 8, 57_000, 61_000, 1.01, 4.2))
    admitted(window, Told(1, 7, 56_900, 61_000, 4.1, 4.3))

    assert window.debt == 0


def test_redis_says_of_a_window_always_the_same_end(redis_url: str) -> None:
    """Whatever delays Redis: a worker that takes a window for another pays for all of its requests again."""
    with Redis.from_url(redis_url) as redis:
        name = f"doorward:limit:{new_id()}"
        asked = redis.pipeline(transaction=False)
        for _ in range(3_000):
            asked.eval(counting.TAKE, 1, name, 10_000, 60_000, 1, 1)

        ends = {ends_ms for _, _, _, ends_ms in asked.execute()}

        assert ends == {redis.pexpiretime(name)}


def test_several_requests_at_once_pay_a_debt_once() -> None:
    window = Window()
    for _ in range(5):
        window.take_share(LIMIT, 0.0, 2)

    claims = [window.claim(), window.claim()]
    window.answered(claims[0])

    assert claims == [5, 0]
    assert window.claim() == 5  # Redis did not answer


def test_whatever_redis_forgets_a_worker_admits_no_more_than_the_quota() -> None:
    window = Window()
    for left in range(9, -1, -1):
        admitted(window, told(1, left, 60_000, 1_000, at=1.0))

    granted = window.hear(LIMIT, told(10, 0, 60_000, 2_000, at=2.0))

    assert granted == 0


def test_a_share_is_of_what_was_left_by_the_last_word_of_redis() -> None:
    limit, window = Limit("wide", 100, 60, slack=0), Window()
    window.held = window.hear(limit, told(1, 40, 60_000, 1_000, at=1.0))
    alone = [window.take_share(limit, 1.5, 2) for _ in range(12)]

    window.held += window.hear(limit, told(1, 39, 59_000, 2_000, at=1.4))  # asked before, answered late
    alone += [window.take_share(limit, 2.5, 2) for _ in range(12)]

    assert alone == [True] * 20 + [False] * 4


def test_an_answer_that_was_late_ends_no_window_early() -> None:
    """Redis stood still for thirty seconds: what is left of the window is as of when it went on."""
    window = Window()
    admitted(window, told(1, 9, 60_000, 1_000, at=1.0))
    alone = [window.take_share(LIMIT, 3.0, 1) for _ in range(10)]

    window.held += window.hear(LIMIT, Told(1, 8, 29_000, 61_000, 2.0, 32.0))
    window.end_if_over(32.1)

    assert alone == [True] * 9 + [False]
    assert (window.admitted, window.debt) == (10, 9)


def test_a_window_that_is_over_takes_nothing_back() -> None:
    window = Window()
    window.take_share(LIMIT, 0.0, 1)
    number = window.number
    window.end_if_over(60.0)
    window.take_share(LIMIT, 60.0, 1)

    window.give_back(LIMIT, number)

    assert (window.admitted, window.held) == (1, 0)
    window.give_back(LIMIT, window.number)
    assert (window.admitted, window.held) == (0, 1)


def test_however_many_windows_there_are_a_newcomer_looks_at_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_WINDOWS", 100)
    link = RedisLink("redis://127.0.0.1:1/0", timeout_seconds=0.01, scripts=())
    known = counting.Counting(link, workers=1)
    swept: list[int] = []
    sweep = known.sweep
    monkeypatch.setattr(known, "sweep", lambda most: swept.append(most) or sweep(most))

    for number in range(350):
        known._window(LIMIT, str(number)).ends_at = float("inf")

    assert len(known._windows) == 100
    assert swept == [counting.SWEPT_BY_NEWCOMER] * len(swept)


def test_windows_that_are_over_are_forgotten_a_part_at_a_time() -> None:
    link = RedisLink("redis://127.0.0.1:1/0", timeout_seconds=0.01, scripts=())
    known = counting.Counting(link, workers=1)
    for number in range(10):
        known._window(LIMIT, str(number))
    for number in (0, 1, 2, 5):
        known._window(LIMIT, str(number)).ends_at = float("inf")

    sizes = []
    for _ in range(4):
        known.sweep(4)
        sizes.append(len(known._windows))

    assert sizes == [9, 6, 4, 4]

"""What the cache of profiles did, as its metric counts it: hits, misses, tombstones, and those repeated."""

from uuid import UUID

import pytest
from flask import Flask
from redis import Redis

from services.users.cache.breaker import Breaker
from services.users.profiles import changes, invalidations, reading
from tests.users.cached_profiles import forget, outcomes_of, warm


def rename(account_id: UUID) -> object:
    return changes.change(account_id, {"name": "New"}, expected_versions=None)


def test_reads_are_misses_until_one_was_kept(app: Flask, redis: "Redis", ada: UUID) -> None:
    forget(redis, [ada])

    with app.app_context():
        cold, warm_ = (outcomes_of(lambda: reading.get(ada)) for _ in range(2))

    assert cold == {("read", "miss"): 1, ("offer", "kept"): 1}
    assert warm_ == {("read", "hit"): 1}


def test_batch_counts_each_profile(app: Flask, redis: "Redis", ada: UUID) -> None:
    warm(app, ada)
    nobody = UUID(int=7)

    with app.app_context():
        outcomes = outcomes_of(lambda: reading.find_many([ada, nobody]))

    assert outcomes == {("read", "hit"): 1, ("read", "miss"): 1}


def test_writer_sets_a_tombstone_and_keeps_what_it_wrote(app: Flask, ada: UUID) -> None:
    warm(app, ada)

    with app.app_context():
        outcomes = outcomes_of(lambda: rename(ada))

    assert outcomes == {("read", "hit"): 1, ("tombstone", "set"): 1, ("offer", "kept"): 1}


def test_tombstone_that_redis_did_not_hear_of_is_counted_and_its_repetition_too(
    app: Flask, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(app, ada)

    with app.app_context():
        with monkeypatch.context() as patch:
            patch.setattr(Breaker, "admits", lambda _self: False)
            away = outcomes_of(lambda: rename(ada))
        repeated = outcomes_of(invalidations.repeat)
        nothing = outcomes_of(invalidations.repeat)

    assert away == {("read", "unavailable"): 1, ("tombstone", "unavailable"): 1}
    assert (repeated, nothing) == ({("tombstone", "repeated"): 1}, {})

"""Steps of tests of the cache of profiles."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from redis import Redis
from sqlalchemy import event

from services.users.cache.profiles import OUTCOMES, Cached
from services.users.cache.profiles import profiles as cache
from services.users.models import Profile, db
from services.users.profiles import reading

ME = "/api/v1/users/me"
PREFIX = "doorward:users:profile:"


def warm(app: Flask, account_id: UUID) -> Cached:
    """The profile, and that it is cached."""
    with app.app_context():
        found = reading.get(account_id)
        assert isinstance(cache.find(account_id), Cached)
        return found


def rename(name: str) -> None:
    """Change the row as nobody does, past the cache."""
    db.session.execute(db.update(Profile).values(name=name))
    db.session.commit()


def queries(app: Flask, work: Callable[[], Any]) -> int:
    """How many statements PostgreSQL was sent meanwhile."""
    count: list[str] = []
    with app.app_context():
        engine = db.engine
    listener = lambda *arguments: count.append(arguments[2])  # noqa: E731
    event.listen(engine, "before_cursor_execute", listener)
    try:
        work()
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    return len(count)


def outcomes_of(work: Callable[[], object]) -> dict[tuple[str, str], int]:
    """What the cache's metric counts meanwhile, by operation and outcome."""
    before = _outcomes()
    work()
    return dict(_outcomes() - before)


def _outcomes() -> Counter[tuple[str, str]]:
    samples = [sample for family in OUTCOMES.collect() for sample in family.samples]
    return Counter(
        {
            (sample.labels["operation"], sample.labels["outcome"]): int(sample.value)
            for sample in samples
            if sample.name == "doorward_profile_cache_total"
        }
    )


def warm_row(account_id: UUID) -> Cached:
    """What a reader has just read from the database."""
    profile = db.session.get(Profile, account_id, populate_existing=True)
    assert profile is not None
    shown = Cached(profile.version, b'{"name":"' + str(profile.name).encode() + b'"}')
    db.session.rollback()
    return shown


def forget(redis: "Redis", account_ids: list[UUID]) -> None:
    """Have none of these in the cache."""
    redis.delete(*(f"{PREFIX}{account_id}" for account_id in account_ids))

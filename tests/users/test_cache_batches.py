"""Several profiles at once through the cache: as right as one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from services.users.cache.profiles import profiles as cache
from services.users.profiles import changes, reading
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from tests.users.cached_profiles import ME, PREFIX, forget, queries, rename, warm_row
from tests.users.conftest import FakeAccounts, Headers


@pytest.fixture
def several(ada: UUID, accounts: FakeAccounts, client: FlaskClient, as_account: Headers) -> list[UUID]:
    """Accounts whose profiles are there, and one of nobody."""
    others = [accounts.add(f"user{number}@example.org").id for number in range(3)]
    for account_id in others:
        assert client.get(ME, headers=as_account(account_id)).status_code == 200
    return [ada, *others, new_id()]


def names(app: Flask, account_ids: list[UUID]) -> list[str]:
    with app.app_context():
        return [shown["name"] for shown in reading.list_public(account_ids)]


def test_batch_asks_postgresql_once_and_only_for_what_is_not_cached(
    app: Flask, redis: "Redis", several: list[UUID]
) -> None:
    known = several[:-1]
    forget(redis, known[1:])

    asked = [queries(app, lambda: names(app, known)) for _ in range(2)]

    assert asked == [1, 0]
    assert names(app, known) == ["Ada"] * 4


def test_batch_leaves_out_whoever_has_no_profile(app: Flask, several: list[UUID]) -> None:
    with app.app_context():
        shown = [UUID(profile["id"]) for profile in reading.list_public([several[-1], *several[::-1]])]

    assert shown == several[-2::-1]


def test_batch_shows_a_change_at_once(app: Flask, several: list[UUID]) -> None:
    names(app, several)
    with app.app_context():
        changes.change(several[1], {"name": "New"}, expected_versions=None)

    assert names(app, several) == ["Ada", "New", "Ada", "Ada"]


def test_batch_that_was_overtaken_by_a_writer_keeps_nothing_of_what_he_wrote(
    app: Flask, redis: "Redis", several: list[UUID]
) -> None:
    forget(redis, several)
    with app.app_context():
        miss = cache.find_many(several)
        old = {account_id: warm_row(account_id) for account_id in several[:2]}
        changes.change(several[1], {"name": "New"}, expected_versions=None)

        cache.offer_many(old, miss.token)

        assert cache.find(several[0]) == old[several[0]]
    assert names(app, several[1:]) == ["New", "Ada", "Ada"]


def test_batch_does_not_show_what_was_moved_to_another_account(
    app: Flask, redis: "Redis", several: list[UUID]
) -> None:
    names(app, several)
    redis.set(f"{PREFIX}{several[1]}", redis.get(f"{PREFIX}{several[0]}") or b"")

    with app.app_context():
        shown = [UUID(profile["id"]) for profile in reading.list_public(several)]

    assert shown == several[:-1]


@pytest.mark.parametrize("mishap", ["flush", "restart"])
def test_batch_shows_and_keeps_nothing_of_before_a_restart(
    private_app: Flask,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
    mishap: str,
) -> None:
    account_id = accounts.add().id
    with private_app.app_context():
        old = reading.get_own(account_id)
        with Redis.from_url(private_redis.url()) as redis:
            forget(redis, [account_id])
            miss = cache.find_many([account_id])
            reading.list_public([account_id])
            if mishap == "flush":
                redis.flushall()
        if mishap == "restart":
            private_redis.restart()
        rename("Changed while it was away")

        cache.offer_many({account_id: old}, miss.token)

        assert [shown["name"] for shown in reading.list_public([account_id])] == ["Changed while it was away"]


def test_only_one_of_many_batches_reads_what_all_miss(
    app: Flask, redis: "Redis", several: list[UUID]
) -> None:
    forget(redis, several)
    start = Barrier(8)

    def read(_number: int) -> None:
        with app.app_context():
            start.wait()
            reading.list_public(several[:-1])

    def read_all() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, range(8)))

    assert queries(app, read_all) == 1

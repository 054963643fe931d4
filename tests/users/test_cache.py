"""The cache of profiles beside writers: never older than the last acknowledged write."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError

from services.users.cache.breaker import Breaker
from services.users.cache.profiles import Cached, Miss
from services.users.cache.profiles import profiles as cache
from services.users.models import Invalidation, db
from services.users.profiles import changes, invalidations, mirroring, reading
from services.users.relays import new_relays
from services.users.settings import UsersSettings
from services.users.store.invalidations import CHANNEL
from shared.chassis import relay
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import wait_until
from shared.contracts import messages
from tests.relays import listening
from tests.users.cached_profiles import ME, PREFIX, rename, warm, warm_row
from tests.users.conftest import FakeAccounts, Headers


def test_reader_that_was_overtaken_by_a_writer_keeps_nothing(app: Flask, redis: "Redis", ada: UUID) -> None:
    redis.delete(f"{PREFIX}{ada}")
    with app.app_context():
        miss = cache.find(ada)
        assert isinstance(miss, Miss)
        old = warm_row(ada)
        changes.change(ada, {"name": "New"}, expected_versions=None)
        redis.expire(f"{PREFIX}{ada}", 100)

        cache.offer(ada, old, miss.token)

        assert b'"New"' in reading.get(ada).content


@pytest.mark.parametrize("mishap", ["flush", "restart", "late"])
def test_reader_whose_token_is_of_before_keeps_nothing(
    private_app: Flask,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
    mishap: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = accounts.add()
    with private_app.app_context():
        reading.get_own(account.id)
        with Redis.from_url(private_redis.url()) as redis:
            redis.flushall()
            miss = cache.find(account.id)
            assert isinstance(miss, Miss)
            if mishap == "flush":
                redis.flushall()
        if mishap == "restart":
            private_redis.restart()
        if mishap == "late":
            monkeypatch.setattr("services.users.cache.backend.TOKEN_SECONDS", -1)

        cache.offer(account.id, Cached(1, b"{}"), miss.token)

        assert not isinstance(cache.find(account.id), Cached)


def test_restarted_redis_shows_nothing_that_it_remembers(
    private_app: Flask,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
) -> None:
    account = accounts.add(display_name="Ada")
    with private_app.app_context():
        reading.get_own(account.id)
    warm(private_app, account.id)
    private_redis.restart()
    with Redis.from_url(private_redis.url()) as redis:
        assert redis.get(f"{PREFIX}{account.id}") is not None  # it is durable: what follows was lost to it
    with private_app.app_context():
        rename("Changed while it was away")

        assert b"Changed while it was away" in reading.get(account.id).content


def test_writer_that_dies_before_its_commit_leaves_readers_to_the_database(
    app: Flask, ada: UUID, client: FlaskClient, as_account: Headers
) -> None:
    before = warm(app, ada)
    with app.app_context():
        invalidations.forbid(ada, before.version + 1)
        db.session.rollback()

    assert client.get(ME, headers=as_account(ada)).headers["ETag"] == f'"{before.version}"'


def test_reader_between_tombstone_and_commit_does_not_bring_the_old_profile_back(
    app: Flask, ada: UUID, accounts: FakeAccounts
) -> None:
    warm(app, ada)
    account = accounts.accounts[ada]
    accounts.accounts[ada] = account.model_copy(update={"email": "new@example.org", "is_active": False})

    def read() -> None:
        with app.app_context():
            reading.get(ada)

    with app.app_context(), transaction(db), ThreadPoolExecutor(1) as reader:
        mirroring.mirror(messages.RolesChanged(account_id=ada, roles=(), occurred_at=utcnow()))
        reader.submit(read).result()

    with app.app_context():
        assert b"new@example.org" in reading.get(ada).content


def test_writer_that_redis_does_not_answer_leaves_a_row_that_the_relay_repeats(
    app: Flask, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm(app, ada)
    with app.app_context():
        with monkeypatch.context() as patch:
            patch.setattr(Breaker, "admits", lambda _self: False)
            changed = changes.change(ada, {"name": "New"}, expected_versions=None)
        assert cache.find(ada) != changed
        assert [row.version for row in db.session.scalars(db.select(Invalidation))] == [changed.version]
        db.session.rollback()

        assert invalidations.repeat() == 1
        assert invalidations.repeat() == 0
        assert b'"New"' in reading.get(ada).content
        assert reading.get(ada).version == changed.version


def test_worker_repeats_what_redis_did_not_hear_before_it_polls(
    app: Flask, settings: UsersSettings, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "POLL_SECONDS", 3600)
    (repeating,) = [each for each in new_relays(app, settings) if each.name == "cache_invalidations"]
    shown = warm(app, ada)

    with listening(repeating, channel=CHANNEL, database_url=settings.sqlalchemy_url):
        with app.app_context(), monkeypatch.context() as patch:
            patch.setattr(Breaker, "admits", lambda _self: False)
            changed = changes.change(ada, {"name": "New"}, expected_versions=None)

        wait_until(lambda: read(app, ada) != shown, what="the new profile")

    assert read(app, ada).version == changed.version


def read(app: Flask, account_id: UUID) -> Cached:
    with app.app_context():
        return reading.get(account_id)


def test_relay_keeps_the_rows_while_redis_is_away(
    app: Flask, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object) -> None:
        raise RedisError

    with app.app_context():
        with transaction(db):
            invalidations.store.add(ada, 7)
            invalidations.store.add(ada, 5)
        with monkeypatch.context() as patch:
            patch.setattr(cache, "repeat", away)
            with pytest.raises(RedisError):
                invalidations.repeat()

        assert [row.version for row in db.session.scalars(db.select(Invalidation))] == [7]


def test_repeated_invalidation_does_not_push_out_the_value_that_it_was_for(app: Flask, ada: UUID) -> None:
    shown = warm(app, ada)

    with app.app_context():
        cache.repeat(ada, shown.version)

        assert cache.find(ada) == shown

"""The cache of profiles: never older than the last acknowledged write, nobody else's, and no hindrance."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import event

from services.users.cache.breaker import Breaker
from services.users.cache.envelope import Envelope
from services.users.cache.profiles import Cached, Miss
from services.users.cache.profiles import profiles as cache
from services.users.deps import Deps
from services.users.models import Invalidation, Profile, db
from services.users.profiles import changes, flights, invalidations, mirroring, reading
from services.users.settings import UsersSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.contracts import messages
from tests.users.conftest import FakeAccounts, Headers

ME = "/api/v1/users/me"
PREFIX = "doorward:users:profile:"
OTHER_SECRET = "another-secret-of-more-than-thirty-two-bytes"


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def ada(accounts: FakeAccounts, client: FlaskClient, as_account: Headers) -> UUID:
    """An account whose profile is there."""
    account_id = accounts.add("ada@example.org").id
    assert client.get(ME, headers=as_account(account_id)).status_code == 200
    return account_id


def warm(app: Flask, account_id: UUID) -> Cached:
    with app.app_context():
        found = reading.get(account_id)
        assert isinstance(cache.find(account_id), Cached)
        return found


def rename(name: str) -> None:
    """Change the row as nobody does, past the cache."""
    db.session.execute(db.update(Profile).values(name=name))
    db.session.commit()


def queries(app: Flask, work: Callable[[], Any]) -> int:
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


def test_warm_profile_asks_postgresql_nothing(
    app: Flask, client: FlaskClient, ada: UUID, as_account: Headers
) -> None:
    warm(app, ada)

    asked = queries(app, lambda: client.get(ME, headers=as_account(ada)))

    assert asked == 0


def test_warm_profile_is_one_command_to_redis_and_no_signature(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    as_account: Headers,
    private_redis: PrivateRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = settings.model_copy(update={"redis_url": settings.redis_url.__class__(private_redis.url())})
    client = make_app(url, deps=Deps(accounts=accounts)).test_client()
    headers = as_account(accounts.add().id)
    client.get(ME, headers=headers)
    client.get(ME, headers=headers)  # whatever has to be asked once has been asked
    monkeypatch.setattr("jwt.decode", lambda *_, **__: pytest.fail("the token was verified again"))

    with Redis.from_url(private_redis.url()) as redis:
        before = calls_of(redis)
        shown = client.get(ME, headers=headers)
        after = calls_of(redis)

    assert shown.status_code == 200
    called = {name for name in after if after[name] != before.get(name, 0)}
    assert called == {"get", "info"}
    assert after["get"] - before["get"] == 1


def calls_of(redis: "Redis") -> dict[str, int]:
    """How often each command was called, this question included."""
    found = redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): stats["calls"] for name, stats in found.items()}


def test_unchanged_profile_is_told_from_its_version_alone(
    app: Flask, client: FlaskClient, ada: UUID, as_account: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = client.get(ME, headers=as_account(ada)).headers["ETag"]
    warm(app, ada)
    monkeypatch.setattr("orjson.loads", lambda *_: pytest.fail("it was decoded"))

    answer = client.get(ME, headers={**as_account(ada), "If-None-Match": etag})

    assert (answer.status_code, answer.data) == (304, b"")


def test_redis_shows_no_profile(app: Flask, redis: "Redis", ada: UUID) -> None:
    warm(app, ada)

    stored = b"".join(redis.get(key) or b"" for key in redis.keys(f"{PREFIX}*"))

    assert stored
    assert b"ada" not in stored


def test_value_under_the_key_of_another_account_is_not_shown(
    app: Flask, client: FlaskClient, redis: "Redis", ada: UUID, accounts: FakeAccounts, as_account: Headers
) -> None:
    bob = accounts.add("bob@example.org").id
    client.get(ME, headers=as_account(bob))
    warm(app, ada)
    redis.set(f"{PREFIX}{bob}", redis.get(f"{PREFIX}{ada}") or b"")

    answer = client.get(ME, headers=as_account(bob))

    assert answer.json["email"] == "bob@example.org"


@pytest.mark.parametrize("secret", ["", "x"])
def test_value_that_somebody_else_made_is_not_shown(
    app: Flask, client: FlaskClient, redis: "Redis", ada: UUID, as_account: Headers, secret: str
) -> None:
    warm(app, ada)
    run, version, _ = (redis.get(f"{PREFIX}{ada}") or b"").split(b" ", 2)
    forged = (
        Envelope([OTHER_SECRET]).close(b'{"roles": ["admin"]}', ada, int(version)) if secret else b"short"
    )
    redis.set(f"{PREFIX}{ada}", b" ".join([run, version, forged]))

    assert client.get(ME, headers=as_account(ada)).json["roles"] == []


def test_value_is_read_while_the_secret_changes() -> None:
    account_id = new_id()
    closed = Envelope([OTHER_SECRET]).close(b"{}", account_id, 3)

    assert Envelope(["the-newest-secret-of-over-32-bytes", OTHER_SECRET]).open(closed, account_id, 3) == b"{}"
    assert Envelope([OTHER_SECRET]).open(closed, account_id, 4) is None


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


def warm_row(account_id: UUID) -> Cached:
    """What a reader has just read from the database."""
    profile = db.session.get(Profile, account_id, populate_existing=True)
    assert profile is not None
    shown = Cached(profile.version, b'{"name":"' + str(profile.name).encode() + b'"}')
    db.session.rollback()
    return shown


@pytest.mark.parametrize("mishap", ["flush", "restart", "late"])
def test_reader_whose_token_is_of_before_keeps_nothing(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
    mishap: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = settings.model_copy(update={"redis_url": settings.redis_url.__class__(private_redis.url())})
    app = make_app(url, deps=Deps(accounts=accounts))
    account = accounts.add()
    with app.app_context():
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
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
) -> None:
    url = settings.model_copy(update={"redis_url": settings.redis_url.__class__(private_redis.url())})
    app = make_app(url, deps=Deps(accounts=accounts))
    account = accounts.add(display_name="Ada")
    with app.app_context():
        reading.get_own(account.id)
    warm(app, account.id)
    private_redis.restart()
    with Redis.from_url(private_redis.url()) as redis:
        assert redis.get(f"{PREFIX}{account.id}") is not None  # it is durable: what follows was lost to it
    with app.app_context():
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


def forget(redis: "Redis", account_ids: list[UUID]) -> None:
    redis.delete(*(f"{PREFIX}{account_id}" for account_id in account_ids))


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
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
    mishap: str,
) -> None:
    url = settings.model_copy(update={"redis_url": settings.redis_url.__class__(private_redis.url())})
    app = make_app(url, deps=Deps(accounts=accounts))
    account_id = accounts.add().id
    with app.app_context():
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


def test_only_one_of_many_readers_reads_what_all_miss(app: Flask, redis: "Redis", ada: UUID) -> None:
    redis.delete(f"{PREFIX}{ada}")
    start = Barrier(8)

    def read(_number: int) -> None:
        with app.app_context():
            start.wait()
            reading.get(ada)

    def read_all() -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(read, range(8)))

    # Who comes when the value is there already reads nothing either; nobody reads it twice in a turn.
    assert queries(app, read_all) == 1


def test_reader_whose_miss_is_older_than_a_landing_looks_again() -> None:
    under_way = flights.Flights()
    account_id = new_id()
    missed_at = under_way.landed
    with under_way.turn(account_id, landed_before=missed_at):
        pass

    with under_way.turn(account_id, landed_before=missed_at) as may_be_there:
        assert may_be_there


def test_flights_forget_what_has_landed() -> None:
    under_way = flights.Flights()
    account_id = new_id()

    with under_way.turn(account_id, landed_before=under_way.landed) as may_be_there:
        assert not may_be_there
    with under_way.turn(account_id, landed_before=under_way.landed) as may_be_there:
        assert not may_be_there
    assert under_way._under_way == {}

"""What a cached profile costs and what it is: one command, nothing that others can read, make or move."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from services.users.cache.envelope import Envelope
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from tests.users.cached_profiles import ME, PREFIX, queries, warm
from tests.users.conftest import FakeAccounts, Headers

OTHER_SECRET = "another-secret-of-more-than-thirty-two-bytes"


def test_warm_profile_asks_postgresql_nothing(
    app: Flask, client: FlaskClient, ada: UUID, as_account: Headers
) -> None:
    warm(app, ada)

    asked = queries(app, lambda: client.get(ME, headers=as_account(ada)))

    assert asked == 0


def test_warm_profile_is_one_command_to_redis_and_no_signature(
    private_app: Flask,
    accounts: FakeAccounts,
    as_account: Headers,
    private_redis: PrivateRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = private_app.test_client()
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
    assert b"example.org" not in stored  # "ada" can stand in the hexadecimal digits of a hash


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

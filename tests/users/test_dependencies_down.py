"""A dependency that is down slows users or degrades it, says so, and heals by itself."""

from collections.abc import Callable

import pytest
from flask import Flask
from pydantic import SecretStr
from redis import Redis

from services.users.deps import Deps
from services.users.settings import UsersSettings
from shared.chassis.testing.clients import PrivateRedis
from tests.users.conftest import FakeAccounts, Headers

ME = "/api/v1/users/me"


@pytest.fixture
def fragile_app(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
) -> Flask:
    url = {"redis_url": SecretStr(private_redis.url())}
    return make_app(settings.model_copy(update=url), deps=Deps(accounts=accounts))


@pytest.mark.parametrize("failure", ["stop", "pause"])
def test_without_its_cache_users_reads_and_writes_on(
    fragile_app: Flask,
    accounts: FakeAccounts,
    as_account: Headers,
    private_redis: PrivateRedis,
    failure: str,
) -> None:
    client = fragile_app.test_client()
    headers = as_account(accounts.add().id)
    client.get(ME, headers=headers)

    getattr(private_redis, failure)()
    written = client.patch(ME, headers=headers, json={"name": "New"})
    read = client.get(ME, headers=headers)
    {"stop": private_redis.start, "pause": private_redis.unpause}[failure]()

    assert (written.status_code, read.status_code) == (200, 200)
    assert read.json["name"] == "New"


def test_cached_profile_lives_no_longer_than_its_time(
    app: Flask, settings: UsersSettings, accounts: FakeAccounts, as_account: Headers, redis_url: str
) -> None:
    account = accounts.add()
    app.test_client().get(ME, headers=as_account(account.id))

    seconds_left = Redis.from_url(redis_url).ttl(f"doorward:users:profile:{account.id}")

    assert 0 < seconds_left <= settings.profile_cache_seconds


def test_without_auth_a_new_account_waits_and_a_known_one_does_not(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    app: Flask,
    accounts: FakeAccounts,
    as_account: Headers,
) -> None:
    known = as_account(accounts.add().id)
    app.test_client().get(ME, headers=known)
    nowhere = settings.model_copy(update={"auth_url": "http://127.0.0.1:9"})
    client = make_app(nowhere).test_client()

    unknown = client.get(ME, headers=as_account(accounts.add("new@example.org").id))

    assert (unknown.status_code, unknown.json["code"]) == (503, "service_unavailable")
    assert int(unknown.headers["Retry-After"]) >= 1
    assert client.get(ME, headers=known).status_code == 200

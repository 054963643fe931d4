"""users on its real database and cache, with auth's answers given by a fake that keeps accounts."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from services.users.app import create_app
from services.users.deps import Deps
from services.users.models import db
from services.users.settings import UsersSettings
from shared.chassis import errors
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from shared.contracts.internal import AccountBody, DeletionAskedBody, DeletionBody

Headers = Callable[..., dict[str, str]]


class FakeAccounts:
    """auth, as users sees it."""

    def __init__(self) -> None:
        self.accounts: dict[UUID, AccountBody] = {}
        self.asked_deletions: list[tuple[UUID, DeletionAskedBody]] = []
        self.refusal: errors.ApiError | None = None  # of every question

    def add(self, email: str = "ada@example.org", **values: object) -> AccountBody:
        """An account that auth knows."""
        content = {
            "id": new_id(),
            "email": email,
            "display_name": "Ada",
            "locale": "en",
            "roles": (),
            "is_active": True,
            "is_verified": True,
            "created_at": utcnow(),
            **values,
        }
        account = AccountBody.model_validate(content)
        self.accounts[account.id] = account
        return account

    def get_account(self, account_id: UUID) -> AccountBody:
        """As the real client: the account, or NotFound."""
        if self.refusal is not None:
            raise self.refusal
        if account_id not in self.accounts:
            raise errors.NotFound
        return self.accounts[account_id]

    def ask_deletion(self, account_id: UUID, asked: DeletionAskedBody) -> DeletionBody:
        """As the real client: what auth answers, or what it refuses."""
        if self.refusal is not None:
            raise self.refusal
        self.asked_deletions.append((account_id, asked))
        if asked.password == "wrong":
            raise errors.Unauthorized("The password is wrong.")
        return DeletionBody(deletes_at=utcnow() + timedelta(days=14))


@pytest.fixture
def accounts() -> FakeAccounts:
    return FakeAccounts()


@pytest.fixture
def settings(service_database: ServiceDatabases, redis_url: str) -> UsersSettings:
    return UsersSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("users").url,
        cache_patience_milliseconds=5000,  # a busy machine is no broken cache
    )


@pytest.fixture
def make_app(service_database: ServiceDatabases) -> Iterator[Callable[..., Flask]]:
    """``make_app(settings, deps=…)``: an app on the migrated database, let go of at the end."""
    made: list[Flask] = []

    def make(settings: UsersSettings, **options: Deps) -> Flask:
        app = create_app(settings, **options)
        made.append(app)
        service_database("users").migrate(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask], settings: UsersSettings, accounts: FakeAccounts) -> Flask:
    return make_app(settings, deps=Deps(accounts=accounts))


@pytest.fixture
def private_app(
    make_app: Callable[..., Flask],
    settings: UsersSettings,
    accounts: FakeAccounts,
    private_redis: PrivateRedis,
) -> Flask:
    """users on a Redis of this test alone."""
    url = settings.redis_url.__class__(private_redis.url())
    return make_app(settings.model_copy(update={"redis_url": url}), deps=Deps(accounts=accounts))


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def ada(accounts: FakeAccounts, client: FlaskClient, as_account: Headers) -> UUID:
    """An account whose profile is there."""
    account_id = accounts.add("ada@example.org").id
    assert client.get("/api/v1/users/me", headers=as_account(account_id)).status_code == 200
    return account_id


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def as_account() -> Headers:
    """The headers of a caller: ``as_account(account_id, "admin")``."""
    return lambda account_id, *roles: bearer(access_token(account_id, roles=roles))

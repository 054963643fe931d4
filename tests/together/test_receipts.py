"""From an access token at a gateway to auth's verdict on a superseded refresh token."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from gateway.receipts import Receipts
from gateway.revocations import Revocations
from gateway.tokens import Tokens
from services.auth.app import create_app
from services.auth.clients import Client
from services.auth.models import db
from services.auth.sessions import receipts, sessions
from services.auth.settings import AuthSettings
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.test_sessions import at

ADA = "ada@example.org"


@pytest.fixture
def app(service_database: ServiceDatabases, redis_url: str) -> Iterator[Flask]:
    settings = AuthSettings(
        jwt_secret_key=SECRET,
        secret_key=OWN_SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("auth").url,
    )
    app = create_app(settings)
    service_database("auth").migrate(app)
    yield app
    with app.app_context():
        db.engine.dispose()


def begin_session(app: Flask) -> str:
    """The first refresh token of somebody who has just signed in."""
    with app.app_context():
        account_id, now = new_id(), utcnow()
        accounts.add_unless_known(account_id=account_id, email=ADA, now=now, verified_at=now)
        account = accounts.find(account_id)
        assert account is not None
        client = Client("198.51.100.7", "a browser")
        pair = sessions.begin(account, client, methods=["pwd"], device_id=None, now=now)
        db.session.commit()
    return pair.refresh_token


def refresh(app: Flask, token: str) -> Any:
    return app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": token}).json


@pytest.mark.parametrize("is_presented", [True, False])
async def test_superseded_token_is_a_copy_once_its_successor_was_at_a_gateway(
    app: Flask, redis_url: str, is_presented: bool
) -> None:
    reports = Receipts(redis_url)
    gateway = Tokens(Revocations(redis_url), SimpleNamespace(on_withdrawal=None), reports)  # type: ignore[arg-type]
    await reports.start()
    first = begin_session(app)
    second = refresh(app, first)

    if is_presented:
        with app.app_context():
            gateway.caller(f"Bearer {second['access_token']}".encode())
    await reports.stop()
    with Redis.from_url(redis_url) as redis, app.app_context():
        moved = receipts.move(redis)
    with at(seconds=31):
        late = refresh(app, first)

    assert moved == is_presented
    if is_presented:
        assert late["code"] == "refresh_token_reused"
    else:
        assert late["refresh_token"] == second["refresh_token"]

"""Revocation: what ends in the database reaches Redis, even a Redis that has forgotten."""

from collections.abc import Iterator
from typing import Any

import jwt
import orjson
import pytest
import redis as redis_library
from flask import Flask

from services.auth.sessions import revocations
from shared.contracts.tokens import REVOCATION_CHANNEL, REVOCATION_SET
from tests.auth.conftest import NewPerson


@pytest.fixture
def redis(redis_url: str) -> Iterator[Any]:
    with redis_library.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


def publish(app: Flask, redis: Any) -> None:
    with app.app_context():
        while revocations.publish(redis):
            pass


def session_of(pair: dict[str, Any]) -> str:
    claims: dict[str, Any] = jwt.decode(pair["access_token"], options={"verify_signature": False})
    return f"session:{claims['sid']}"


def test_ended_session_is_published_with_the_time_of_its_last_token(
    app: Flask, redis: Any, new_account: NewPerson
) -> None:
    ada = new_account()
    publish(app, redis)
    listener = redis.pubsub()
    listener.subscribe(REVOCATION_CHANNEL)
    listener.get_message(timeout=1)

    ada.call("POST", "logout")
    publish(app, redis)

    news = orjson.loads(listener.get_message(timeout=1)["data"])
    expires_at = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})["exp"]
    assert news["member"] == session_of(ada.pair)
    assert news["expires_at"] >= expires_at
    assert redis.zscore(REVOCATION_SET, session_of(ada.pair)) == news["expires_at"]
    listener.close()


def test_flushed_redis_is_filled_again(app: Flask, redis: Any, new_account: NewPerson) -> None:
    ada = new_account()
    ada.call("POST", "logout")
    publish(app, redis)

    redis.flushdb()
    publish(app, redis)

    assert redis.zscore(REVOCATION_SET, session_of(ada.pair)) is not None


def test_revocation_waits_for_a_redis_that_is_away(app: Flask, redis: Any, new_account: NewPerson) -> None:
    ada = new_account()
    ada.call("POST", "logout")
    away = redis_library.Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)

    with pytest.raises(redis_library.ConnectionError):
        publish(app, away)
    publish(app, redis)

    assert redis.zscore(REVOCATION_SET, session_of(ada.pair)) is not None


def test_reused_token_revokes_its_session(app: Flask, redis: Any, new_account: NewPerson) -> None:
    from tests.auth.test_sessions import at

    ada = new_account()
    old = ada.pair["refresh_token"]
    ada.take(ada.refresh())

    with at(seconds=31):
        ada.refresh(old)
        publish(app, redis)

    assert redis.zscore(REVOCATION_SET, session_of(ada.pair)) is not None

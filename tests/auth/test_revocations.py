"""Revocation: what ends in the database reaches Redis, even a Redis that has forgotten."""

from collections.abc import Iterator
from typing import Any

import jwt
import orjson
import pytest
import redis as redis_library
import time_machine
from flask import Flask

from gateway.revocations import Revocations
from services.auth.models import db
from services.auth.sessions import revocations
from services.auth.sessions.access_tokens import pair_of
from services.auth.store import sessions as store
from shared.chassis.clock import utcnow
from shared.contracts.tokens import REVOCATION_CHANNEL, REVOCATION_SET
from tests.auth.conftest import NewPerson, Person
from tests.auth.test_sessions import at


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
    ada.take(ada.refresh())

    with at(seconds=31):
        ada.refresh(old)
        publish(app, redis)

    assert redis.zscore(REVOCATION_SET, session_of(ada.pair)) is not None


def refused_by_a_gateway(redis: Any, pair: dict[str, Any]) -> bool:
    """Whether a gateway that reads the set refuses the pair's access token."""
    gateway = Revocations("redis://127.0.0.1:1/0")
    for member, until in redis.zrange(REVOCATION_SET, 0, -1, withscores=True):
        gateway.learn(member, until)
    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    return gateway.covers(claims["sid"], claims["sub"], claims["iat"], claims["ver"])


def test_change_of_roles_refuses_the_tokens_of_before_and_no_other_of_that_second(
    app: Flask, redis: Any, admin: Person, new_account: NewPerson
) -> None:
    ada = new_account()
    account_id = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})["sub"]

    with time_machine.travel(utcnow(), tick=False):
        before = ada.refresh().json
        admin.call("PATCH", f"accounts/{account_id}", roles=["support"])
        after = ada.refresh(before["refresh_token"]).json
        publish(app, redis)

    assert [refused_by_a_gateway(redis, pair) for pair in (before, after)] == [True, False]


def test_token_with_the_roles_of_before_is_refused_however_late_it_was_signed(
    app: Flask, redis: Any, admin: Person, new_account: NewPerson
) -> None:
    ada = new_account()
    claims = jwt.decode(ada.pair["access_token"], options={"verify_signature": False})

    with app.app_context():
        read_before = store.find_standing(claims["sid"])
        db.session.rollback()
    assert read_before is not None
    admin.call("PATCH", f"accounts/{claims['sub']}", roles=["support"])
    publish(app, redis)
    with at(seconds=5), app.app_context():
        late = {"access_token": pair_of(read_before, utcnow()).access_token}

    assert refused_by_a_gateway(redis, late)

"""Revocations from auth to a gateway over a real Redis that refuses: what can arrive does, the rest shows."""

# ruff: noqa: ASYNC110

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress

import orjson
import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from gateway import revocation_pulse
from gateway.revocations import Revocations
from services.auth.app import create_app
from services.auth.models import db
from services.auth.sessions import revocations
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from shared.contracts import tokens

PATIENCE_SECONDS = 30


@pytest.fixture
def app(service_database: ServiceDatabases, private_redis: PrivateRedis) -> Iterator[Flask]:
    settings = AuthSettings(
        jwt_secret_key=SECRET,
        secret_key=OWN_SECRET,
        redis_url=private_redis.url(),
        public_url="http://127.0.0.1:8080",
        database_url=service_database("auth").url,
    )
    app = create_app(settings)
    service_database("auth").migrate(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def redis(private_redis: PrivateRedis) -> Iterator["Redis"]:
    with Redis.from_url(private_redis.url(), decode_responses=True) as client:
        yield client


def end_sessions(app: Flask, count: int = 1) -> list[str]:
    """Sessions that have just ended; nothing is told yet."""
    session_ids = [new_id() for _ in range(count)]
    with app.app_context(), transaction(db):
        revocations.revoke_sessions(session_ids, utcnow())
    return list(map(str, session_ids))


def step(app: Flask, redis: "Redis") -> None:
    with app.app_context():
        revocations.publish(redis)


class Relay:
    """auth's worker in a task: a step after the other, whatever becomes of it."""

    def __init__(self, app: Flask, redis: "Redis") -> None:
        self._app, self._redis = app, redis
        self.is_stopped = False

    def _step(self) -> None:
        with suppress(RedisError):
            step(self._app, self._redis)

    async def run(self) -> None:
        while not self.is_stopped:
            await asyncio.to_thread(self._step)
            await asyncio.sleep(0.05)


async def until(is_true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_true():
            await asyncio.sleep(0.02)


def refuse_memory(redis: "Redis", number: int) -> None:
    redis.config_set("maxmemory", number)


async def test_full_redis_passes_on_what_it_cannot_store_and_shows_in_readiness(
    app: Flask, redis: "Redis", private_redis: PrivateRedis
) -> None:
    gateway, worker = Revocations(private_redis.url()), Relay(app, redis)
    await gateway.start()
    working = asyncio.create_task(worker.run())
    await until(lambda: gateway.is_current)

    refuse_memory(redis, 1)
    (ended,) = end_sessions(app)
    await until(lambda: gateway.covers(ended, "", 0, 0))
    await until(lambda: not gateway.is_current)
    late = Revocations(private_redis.url())  # a gateway that starts meanwhile
    await late.start()
    await until(lambda: late.covers(ended, "", 0, 0))
    await until(lambda: not late.is_current)
    refuse_memory(redis, 0)
    await until(lambda: gateway.is_current and late.is_current)

    worker.is_stopped = True
    await working
    await gateway.stop()
    await late.stop()
    assert redis.zscore(tokens.REVOCATION_SET, f"session:{ended}") is not None


async def test_refused_publishing_and_a_dead_worker_show_in_readiness(
    app: Flask, redis: "Redis", private_redis: PrivateRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation_pulse, "SILENCE_SECONDS", 0.5)
    gateway, worker = Revocations(private_redis.url()), Relay(app, redis)
    await gateway.start()
    working = asyncio.create_task(worker.run())
    await until(lambda: gateway.is_current)

    redis.execute_command("ACL", "SETUSER", "default", "-publish")
    (ended,) = end_sessions(app)
    await until(lambda: not gateway.is_current)
    await until(lambda: redis.zscore(tokens.REVOCATION_SET, f"session:{ended}") is not None)
    redis.execute_command("ACL", "SETUSER", "default", "+publish")
    await until(lambda: gateway.is_current and gateway.covers(ended, "", 0, 0))
    worker.is_stopped = True
    await working
    await until(lambda: not gateway.is_current)

    await gateway.stop()


def test_every_revocation_is_told_however_many_wait(app: Flask, redis: "Redis") -> None:
    listener = redis.pubsub(ignore_subscribe_messages=True)
    listener.subscribe(tokens.REVOCATION_CHANNEL)
    listener.get_message(timeout=1)
    ended = end_sessions(app, 2 * revocations.BATCH + 1)
    step(app, redis)  # the set was lost, as far as anybody knows: it is filled, and everything told
    assert redis.zcard(tokens.REVOCATION_SET) == len(ended)
    refuse_memory(redis, 1)
    more = end_sessions(app, revocations.BATCH + 1)

    with pytest.raises(OutOfMemoryError):
        step(app, redis)

    told = set()
    while message := listener.get_message(timeout=0.5):
        told.add(orjson.loads(message["data"]).get("member"))
    listener.close()
    assert {f"session:{session}" for session in [*ended, *more]} <= told


def test_what_redis_refused_is_stored_when_it_can(app: Flask, redis: "Redis") -> None:
    step(app, redis)
    refuse_memory(redis, 1)
    (ended,) = end_sessions(app)
    for _ in range(3):
        with pytest.raises(ResponseError):
            step(app, redis)

    refuse_memory(redis, 0)
    step(app, redis)

    assert redis.zscore(tokens.REVOCATION_SET, f"session:{ended}") is not None

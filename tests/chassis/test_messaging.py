"""Outbox to inbox over a real Celery worker: nothing is lost, nothing is done twice, nothing is forged."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Timer

import psycopg
import pytest
from celery import Celery
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import select

from shared.chassis import messaging, tracing
from shared.chassis import relay as relay_module
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.relay import Relay
from shared.chassis.sealing import SealBroken, Sealer
from shared.chassis.testing.clients import PostgresServer
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.processes import Worker, uncounted, working
from shared.chassis.testing.tokens import SECRET
from shared.contracts.messages import AccountRegistered
from tests.chassis.conftest import Mini, closing, new_mini, settings_for

PATIENCE_SECONDS = 40


def eventually(is_true: Callable[[], bool]) -> None:
    """Wait for a condition, not for a time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.05)


def registered(name: object = 0) -> AccountRegistered:
    return AccountRegistered(account_id=new_id(), email=f"{name}@example.org", occurred_at=utcnow())


@pytest.fixture
def listener(postgres_server: PostgresServer, redis_url: str, worker_number: int) -> Iterator[Mini]:
    """users, in miniature: its worker notes whom it hears of."""
    name = f"mini_users_{worker_number}"
    url = postgres_server.create_database(name)
    with closing(new_mini(settings_for(url, redis_url), service="users")) as listener:
        yield listener
    postgres_server.drop_database(name)


def worker_of(mini: Mini, service: str) -> Worker:
    environment = {
        **uncounted(os.environ),
        "MINI_SERVICE": service,
        "JWT_SECRET_KEY": mini.settings.accepted_secrets[0],
        "REDIS_URL": mini.settings.redis_url.get_secret_value(),
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "DATABASE_URL": mini.settings.database_url.get_secret_value(),
        "REDELIVERY_SECONDS": "0.5",
    }
    celery = ["-m", "celery", "-A", "tests.chassis.mini_worker:celery", "worker"]
    options = ["-P", "threads", "-Q", service, "--without-mingle", "--without-gossip"]
    return Worker([*celery, *options], environment)


@contextmanager
def at_work(*minis: tuple[Mini, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Real worker processes of these services, ended with the ``with``."""
    with working(*(worker_of(mini, service) for mini, service in minis)) as processes:
        yield processes


@pytest.fixture
def celery(mini: Mini) -> Celery:
    return messaging.new_celery(mini.app, mini.settings, service="auth")


def send(mini: Mini, *messages: AccountRegistered) -> None:
    with mini.app.app_context(), transaction(mini.db):
        for message in messages:
            mini.outbox.send(message)


def queue_length(mini: Mini, queue: str) -> int:
    redis = Redis.from_url(mini.settings.redis_url.get_secret_value())
    return redis.llen(f"doorward:celery:{queue}") + redis.hlen("doorward:celery:unacked")


def test_every_message_arrives_once_and_its_row_goes(mini: Mini, listener: Mini) -> None:
    with at_work((mini, "auth"), (listener, "users")):
        send(mini, *map(registered, range(20)))
        eventually(lambda: mini.waiting() == 0)

    assert listener.heard() == sorted(f"{number}@example.org" for number in range(20))


def test_killed_workers_lose_nothing_and_repeat_nothing(mini: Mini, listener: Mini) -> None:
    send(mini, *map(registered, range(200)))

    with at_work((mini, "auth")):
        for goal in (20, 60, 120):
            with at_work((listener, "users"), (listener, "users")) as (one, other):
                eventually(lambda goal=goal: len(listener.heard()) >= goal)
                one.send_signal(signal.SIGKILL)
                other.send_signal(signal.SIGKILL)
        with at_work((listener, "users")):
            eventually(lambda: mini.waiting() == 0)

    assert listener.heard() == sorted(f"{number}@example.org" for number in range(200))


def test_rolled_back_message_is_never_sent(mini: Mini) -> None:
    with mini.app.app_context():
        mini.outbox.send(registered())
        mini.db.session.rollback()

    assert mini.waiting() == 0


def test_flushed_broker_costs_one_redelivery_and_no_message(
    mini: Mini, listener: Mini, celery: Celery
) -> None:
    send(mini, registered())
    with mini.app.app_context():
        assert messaging.relay_outbox(celery, mini.outbox) == 1
    Redis.from_url(mini.settings.redis_url.get_secret_value()).flushdb()

    with at_work((mini, "auth"), (listener, "users")):
        eventually(lambda: mini.waiting() == 0)

    assert len(listener.heard()) == 1


def test_message_that_lies_unread_is_not_sent_again(mini: Mini, celery: Celery) -> None:
    send(mini, registered())
    with mini.app.app_context():
        messaging.relay_outbox(celery, mini.outbox)
        due = utcnow() + timedelta(minutes=1)
        before = messaging.unread(celery)
        unread_claims = mini.outbox.claim(due, unread=before)
        late_claims = mini.outbox.claim(due + timedelta(minutes=10), unread=before)
        Redis.from_url(mini.settings.redis_url.get_secret_value()).flushdb()
        after = messaging.unread(celery)
        read_claims = mini.outbox.claim(due + timedelta(hours=1), unread=after)

    assert (before, after) == ({"users"}, set())
    # What the longest interval has passed over is sent in any case.
    assert (len(unread_claims), len(late_claims), len(read_claims)) == (0, 1, 1)


def test_message_that_is_new_is_sent_though_others_lie_unread(mini: Mini, celery: Celery) -> None:
    send(mini, registered())
    with mini.app.app_context():
        messaging.relay_outbox(celery, mini.outbox)
    send(mini, registered())

    with mini.app.app_context():
        assert messaging.relay_outbox(celery, mini.outbox, unread=messaging.unread(celery)) == 1


def test_broker_that_is_down_says_nothing_of_what_is_unread(mini: Mini) -> None:
    url = SecretStr(f"redis://127.0.0.1:{free_port()}/0")
    settings = mini.settings.model_copy(update={"redis_url": url})
    celery = messaging.new_celery(mini.app, settings, service="auth")

    assert messaging.unread(celery) == set()


def test_stop_lets_the_last_step_end(mini: Mini, monkeypatch: pytest.MonkeyPatch) -> None:
    for signal_of_celery in (worker_ready, worker_shutting_down, worker_shutdown):
        monkeypatch.setattr(signal_of_celery, "receivers", [])
    begun, may_end, has_ended = Event(), Event(), Event()

    def step() -> int:
        begun.set()
        may_end.wait(PATIENCE_SECONDS)
        has_ended.set()
        return 0

    relay = Relay(mini.app, name="slow", channel="c", database_url=mini.settings.sqlalchemy_url, step=step)
    messaging.run_in_worker(mini.settings, lambda: [relay])
    worker_ready.send(sender="a worker")
    assert begun.wait(PATIENCE_SECONDS)
    Timer(0.2, may_end.set).start()

    worker_shutdown.send(sender="a worker")

    assert has_ended.is_set()
    assert not relay.is_alive()


def test_step_that_failed_is_tried_again_without_being_rung_for(
    mini: Mini, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 3600)
    is_up = Event()

    def step() -> int:
        if caplog.records and len(tries) > 2:
            is_up.set()
            return 0
        tries.append(1)
        raise ConnectionError

    tries: list[int] = []
    relay = Relay(mini.app, name="r", channel="c", database_url=mini.settings.sqlalchemy_url, step=step)
    relay.start()

    assert is_up.wait(PATIENCE_SECONDS)
    relay.stop()
    with psycopg.connect(mini.settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as connection:
        eventually(lambda: bool(connection.execute("NOTIFY c")) and not relay.is_alive())
    assert [record.msg["event"] for record in caplog.records].count("relay_step_failed") == 1  # type: ignore[index]


def test_message_delivered_many_times_is_handled_once(mini: Mini, listener: Mini, celery: Celery) -> None:
    send(mini, registered())
    with mini.app.app_context():
        (claimed,) = mini.outbox.claim(utcnow())
    for _ in range(10):
        messaging.publish(celery, claimed)

    with at_work((mini, "auth"), (listener, "users")):
        eventually(lambda: mini.waiting() == 0 and queue_length(mini, "users") == 0)

    assert len(listener.heard()) == 1


def test_handler_that_fails_is_tried_again_and_leaves_nothing_of_the_failure(
    mini: Mini, listener: Mini
) -> None:
    send(mini, registered("twice-ada"))

    with at_work((mini, "auth"), (listener, "users")):
        eventually(lambda: mini.waiting() == 0)

    assert listener.heard() == ["twice-ada@example.org"]


def test_request_id_of_the_sender_reaches_the_handler(mini: Mini, listener: Mini) -> None:
    with tracing.tracing(tracing.continue_from("request-0123456789", None)):
        send(mini, registered())

    with at_work((mini, "auth"), (listener, "users")):
        eventually(lambda: mini.waiting() == 0)

    with listener.app.app_context():
        request_ids = listener.db.session.scalars(select(listener.heard_model.request_id)).all()
    assert request_ids == ["request-0123456789"]


def test_broker_that_is_down_delays_and_loses_nothing(mini: Mini, private_redis) -> None:
    settings = mini.settings.model_copy(update={"redis_url": SecretStr(private_redis.url())})
    celery = messaging.new_celery(mini.app, settings, service="auth")
    private_redis.stop()
    send(mini, *map(registered, range(3)))

    with mini.app.app_context():
        assert messaging.relay_outbox(celery, mini.outbox) == 0
        private_redis.start()
        eventually(lambda: messaging.relay_outbox(celery, mini.outbox) == 3)

    assert Redis.from_url(private_redis.url()).llen("doorward:celery:users") == 3


def test_relays_never_claim_the_same_row(mini: Mini) -> None:
    send(mini, *map(registered, range(300)))
    now = utcnow()  # of all: what is claimed is due again later, however slow this machine is

    def claim(_number: int) -> list[object]:
        with mini.app.app_context():
            return [claimed.message_id for claimed in mini.outbox.claim(now)]

    with ThreadPoolExecutor(4) as pool:
        claims = [message_id for batch in pool.map(claim, range(8)) for message_id in batch]

    assert len(claims) == len(set(claims)) == 300


@pytest.mark.parametrize(
    ("secret", "purpose"),
    [("x" * 40, "message:users"), (SECRET, "message:notifications"), (SECRET, "acknowledgement:users")],
)
def test_forged_envelope_is_not_handled(listener: Mini, secret: str, purpose: str) -> None:
    courier = messaging.Courier(
        messaging.new_celery(listener.app, listener.settings, service="users"),
        listener.db,
        service="users",
        secrets=listener.settings.accepted_secrets,
        outbox=listener.outbox,
        inbox_model=listener.inbox_model,
    )

    with pytest.raises(SealBroken):
        courier.receive(AccountRegistered, lambda _message: None, Sealer([secret], purpose).seal(b"{}"))


def test_envelope_shows_nothing_of_its_content(mini: Mini) -> None:
    send(mini, registered("ada"))

    with mini.app.app_context():
        (row,) = mini.db.session.scalars(select(mini.outbox_model)).all()

    assert "example" not in row.sealed

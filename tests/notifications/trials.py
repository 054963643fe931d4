"""What must hold when something hangs, is stopped or has very much to do, played with real worker processes.

`python -m tests.notifications hang` and `pause`, `lanes`, `drain` play them at full size and judge; the tests
play short versions.
"""

import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson
import redis
from flask import Flask
from sqlalchemy import text

from services.notifications.messages import acceptance
from services.notifications.messages.acceptance import Wanted
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.database import transaction
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import Worker, working
from tests.notifications.sink import HOST, Sink, running_sink
from tests.notifications.worker_process import environment_of

VARIABLES = {
    "message": {"subject": "Hello", "text": "World"},
    "sign_in_code": {"code": "314159", "link": "https://x.example/#t", "minutes": "10", "hours": "1"},
}
# Everything but the ids is the same, the Message-ID and the address apart.
COPY = text("""
WITH model AS (SELECT * FROM messages ORDER BY created_at DESC LIMIT 1),
     made AS (SELECT gen_random_uuid() AS id, number FROM generate_series(1, :copies) AS number),
     asked AS (
    INSERT INTO messages (id, template, template_version, locale, topic, sealed_variables, content_hash,
                          created_at)
    SELECT made.id, template, template_version, locale, topic, sealed_variables, content_hash, created_at
    FROM made, model RETURNING id
)
INSERT INTO deliveries (id, message_id, channel, lane, address, address_key, header_message_id, status,
                        due_at, next_attempt_at, created_at, updated_at)
SELECT gen_random_uuid(), made.id, channel, lane, 'copy-' || made.id || '@example.org', 'copy-' || made.id,
       '<' || made.id || '@example.org>', status, due_at, next_attempt_at, d.created_at, d.updated_at
FROM made, model, deliveries d WHERE d.message_id = model.id
""")
BESIDE = 5  # how many normal messages come with each urgent one while a server hangs
numbers = count()


def accept(app: Flask, messages: int, *, template: str = "message", lane: str | None = None) -> list[str]:
    """Accept so many messages; their addresses."""
    addresses = [f"{template}-{next(numbers)}-{time.monotonic_ns()}@example.org" for _ in range(messages)]
    for begin in range(0, messages, 500):
        with app.app_context(), transaction(db):
            for address in addresses[begin : begin + 500]:
                acceptance.take_wanted(
                    Wanted(
                        template=template, to_email=address, locale="en", topic="general",
                        variables=VARIABLES[template], lane=lane,
                    )
                )  # fmt: skip
    return addresses


def accept_copies(app: Flask, messages: int, *, lane: str) -> None:
    """Have so many messages wait in ``lane``: one is accepted, and PostgreSQL copies it."""
    accept(app, 1, lane=lane)
    with app.app_context(), transaction(db):
        db.session.execute(text("SET LOCAL statement_timeout = 0"))
        db.session.execute(COPY, {"copies": messages - 1})


def worker_of(settings: NotificationsSettings, *servers: dict[str, object]) -> Worker:
    """A worker with these mail servers instead of the one of its settings."""
    environment = environment_of(settings)
    if servers:
        environment["NOTIFICATIONS_SMTP_SERVERS"] = orjson.dumps(servers).decode()
    return Worker.of("notifications", environment)


def server(sink: Sink, name: str, **values: object) -> dict[str, object]:
    """A sink as a setting names it."""
    return {"name": name, "host": HOST, "port": sink.port, "security": "none", **values}


def statuses(app: Flask) -> dict[str, int]:
    """How many deliveries stand where."""
    with app.app_context():
        rows = db.session.execute(text("SELECT status, count(*) FROM deliveries GROUP BY status"))
        return {str(status): int(number) for status, number in rows}


def is_quiet(app: Flask) -> bool:
    """Whether every delivery has ended."""
    return not statuses(app).keys() & {"queued", "retrying", "sending"}


class Watch(threading.Thread):
    """Looks again and again how much of Celery's lies in Redis."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._client = redis.from_url(url)
        self._stopping = threading.Event()
        self.most = 0

    def run(self) -> None:
        """Look until told to stop."""
        while not self._stopping.wait(0.05):
            self.most = max(self.most, self._entries())

    def _entries(self) -> int:
        lanes = [f"doorward:celery:notifications.{lane}" for lane in ("urgent", "normal", "bulk")]
        waiting = sum(int(self._client.llen(lane)) for lane in lanes)  # type: ignore[arg-type]
        return waiting + int(self._client.hlen("doorward:celery:unacked"))  # type: ignore[arg-type]

    def stop(self) -> None:
        """End, and let go of Redis."""
        self._stopping.set()
        self.join()
        self._client.close()


@contextmanager
def watching(settings: NotificationsSettings) -> Iterator[Watch]:
    """A watch while the ``with`` lasts."""
    watch = Watch(settings.redis_url.get_secret_value())
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


@dataclass(frozen=True)
class Hang:
    """What became of messages while a mail server hung."""

    accepted: int
    entries_at_most: int
    arrived_by_the_second_server: int
    urgent_seconds: list[float]


def hang(
    app: Flask, settings: NotificationsSettings, sink: Sink, *, messages: int, seconds: float, urgent: int
) -> Hang:
    """The first server accepts connections and never speaks; a second one is there.

    Urgent messages come all the while, each with others beside it that may try the first server again.
    """
    accept(app, messages)
    with tempfile.TemporaryDirectory() as folder, running_sink(Path(folder)) as second:
        sink.pause()
        worker = worker_of(settings, server(sink, "first"), server(second, "second", order=1))
        end = time.monotonic() + seconds
        with watching(settings) as watch, working(worker):
            wait_until(lambda: second.count() > 0, what="the first message", seconds=60)
            took = [_arrival_beside_others(app, second, seconds / urgent) for _ in range(urgent)]
            wait_until(
                lambda: is_quiet(app) and time.monotonic() >= end, what="the end", seconds=seconds + 600
            )
        sink.unpause()
        return Hang(messages + urgent * (1 + BESIDE), watch.most, second.count(), took)


def _arrival_beside_others(app: Flask, sink: Sink, every_seconds: float) -> float:
    """How long an urgent message takes while normal ones come too; then what is left of the time passes."""
    begun = time.monotonic()
    accept(app, BESIDE)
    took = _arrival(app, sink)
    time.sleep(max(0.0, every_seconds - (time.monotonic() - begun)))
    return took


def _arrival(app: Flask, sink: Sink) -> float:
    """How long an urgent message takes from its acceptance."""
    begun = time.monotonic()
    (address,) = accept(app, 1, template="sign_in_code")
    wait_until(lambda: address in sink.recipients(), what=address, seconds=120)
    return time.monotonic() - begun


@dataclass(frozen=True)
class Copies:
    """How often messages arrived, and where their deliveries stand."""

    once: int
    again: int
    never: int
    statuses: dict[str, int]


def copies(app: Flask, sink: Sink, addresses: list[str]) -> Copies:
    """What the sink counted of these."""
    counts = [sink.recipients()[address] for address in addresses]
    again = sum(number > 1 for number in counts)
    return Copies(counts.count(1), again, counts.count(0), statuses(app))


def pause(app: Flask, settings: NotificationsSettings, sink: Sink, *, messages: int) -> Copies:
    """A worker is stopped in the middle of its work, for longer than its lease, until all is done."""
    addresses = accept(app, messages)
    paused, other = worker_of(settings), worker_of(settings)
    with working(paused) as (process,):
        wait_until(lambda: sink.count() > messages // 10, what="some messages", seconds=60)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with working(other):
                wait_until(lambda: is_quiet(app), what="an end of every message", seconds=300)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        accept(app, 1)
        wait_until(lambda: is_quiet(app), what="the worker that goes on", seconds=60)
    return copies(app, sink, addresses)


@dataclass(frozen=True)
class Lanes:
    """How urgent messages fared while bulk ones waited."""

    bulk_left: int
    median_seconds: float
    p99_seconds: float


def lanes(app: Flask, settings: NotificationsSettings, sink: Sink, *, bulk: int, urgent: int) -> Lanes:
    """Urgent messages, one after the other, while bulk ones wait and are being sent."""
    accept_copies(app, bulk, lane="bulk")
    with working(worker_of(settings)):
        wait_until(lambda: sink.count() > 0, what="the first bulk message", seconds=60)
        took = sorted(_arrival(app, sink) for _ in range(urgent))
        left = statuses(app).get("queued", 0)
    return Lanes(left, statistics.median(took), took[min(len(took) - 1, int(len(took) * 0.99))])


def drain(app: Flask, settings: NotificationsSettings, sink: Sink, *, messages: int) -> float:
    """The seconds from the first to the last of so many."""
    accept_copies(app, messages, lane="normal")
    already = sink.count()
    with working(worker_of(settings)):
        wait_until(lambda: sink.count() > already, what="the first message", seconds=60)
        begun = sink.last_at()
        wait_until(lambda: sink.count() >= already + messages, what="the last message", seconds=3600)
        return sink.last_at() - begun

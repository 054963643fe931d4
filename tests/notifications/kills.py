"""Kills workers in the middle of their work, round after round, and counts what arrived.

The test plays one round; `python -m tests.notifications crashes` kills more than workers, and for longer.
"""

import random
import tempfile
import time
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import text

from services.notifications.app import create_app
from services.notifications.messages import acceptance
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.database import transaction
from shared.chassis.testing import servers
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.servers import Servers
from shared.chassis.testing.tokens import SECRET
from shared.contracts.messages import SendEmail
from tests.notifications.sink import HOST, Sink, running_sink
from tests.notifications.worker_process import running_worker

PATIENCE_SECONDS = 120
WORKER_LOST = "worker_lost"


@dataclass(frozen=True)
class Round:
    """What became of the mails of one round."""

    mails: int
    kills: int
    arrived_once: int
    arrived_again: int
    never_arrived: int
    outcome_unknown: int
    again_though_known: int
    unknown_of_each: tuple[int, ...]  # of each worker, the last one included, which was not killed
    unknown_of_a_claim: int  # of what a slot had claimed at once, at most
    unanswered: int


def settings_for(database_url: str, redis_url: str, sink: Sink) -> NotificationsSettings:
    """Leases of seconds: what a dead worker held is taken up soon."""
    return NotificationsSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=database_url,
        smtp_host=HOST,
        smtp_port=sink.port,
        smtp_security="none",
        smtp_timeout_seconds=1,
        smtp_final_timeout_seconds=2,
        retry_seconds=0.1,
        repeat_seconds=0,
        attempt_lease_seconds=2,
        mail_from="Doorward <no-reply@doorward.test>",
    )


def play(app: Flask, settings: NotificationsSettings, sink: Sink, *, mails: int, kills: int) -> Round:
    """One round: ``mails`` are accepted, and ``kills`` workers die while they send them."""
    addresses = [f"{time.monotonic_ns()}-{number}@example.org" for number in range(mails)]
    accept(app, addresses)
    begun: list[datetime] = []
    for _ in range(kills):
        begun.append(_now(app))
        goal = _arrived(sink, addresses) + random.randint(1, max(1, mails // (kills + 2)))
        with running_worker(settings) as worker:
            wait_until(
                lambda goal=goal: _arrived(sink, addresses) >= min(goal, mails),
                what="a few mails", seconds=PATIENCE_SECONDS,
            )  # fmt: skip
            time.sleep(random.uniform(0, 0.03))
            worker.kill()
            worker.wait()
        _end_leases(app)
    begun.append(_now(app))
    with running_worker(settings):
        wait_until(lambda: not _unfinished(app), what="an end of every mail", seconds=PATIENCE_SECONDS)
    return _judge(app, sink, addresses, begun)


def accept(app: Flask, addresses: list[str]) -> None:
    variables = {"code": "314159", "link": "https://x.example/#t", "minutes": "10", "hours": "1"}
    with app.app_context(), transaction(db):
        for address in addresses:
            acceptance.take(SendEmail(template="verify_email", to_email=address, variables=variables))


def _arrived(sink: Sink, addresses: list[str]) -> int:
    return len(sink.recipients().keys() & set(addresses))


def _unfinished(app: Flask) -> int:
    statement = "SELECT count(*) FROM deliveries WHERE status IN ('queued', 'retrying', 'sending')"
    with app.app_context():
        return int(db.session.scalar(text(statement)) or 0)


def _end_leases(app: Flask) -> None:
    """What was handed over by a worker that is dead need not be waited for as long as an answer may take."""
    statement = "UPDATE deliveries SET lease_until = now() WHERE status = 'sending' AND phase = 'handed_over'"
    with app.app_context(), transaction(db):
        db.session.execute(text(statement))


def _now(app: Flask) -> datetime:
    """The present moment by PostgreSQL's clock, as attempts have it."""
    with app.app_context():
        now: datetime = db.session.execute(text("SELECT now()")).scalar_one()
    return now


def _judge(app: Flask, sink: Sink, addresses: list[str], begun: list[datetime]) -> Round:
    """``begun``: when each worker was started; only one lived at a time, so an attempt tells whose it was."""
    counts = sink.recipients()
    with app.app_context():
        statement = text(
            "SELECT address, attempts.reason, started_at FROM deliveries d "
            "JOIN attempts ON d.id = delivery_id "
            "WHERE outcome = 'outcome_unknown' AND address = ANY(:addresses)"
        )
        attempts = db.session.execute(statement, {"addresses": addresses}).all()
    unknown = {attempt.address for attempt in attempts}
    claimed = Counter(attempt.started_at for attempt in attempts if attempt.reason == WORKER_LOST)
    lost = Counter(bisect(begun, started_at) for started_at in claimed.elements())
    arrivals = Counter(min(counts[address], 2) for address in addresses)
    return Round(
        mails=len(addresses),
        kills=len(begun) - 1,
        arrived_once=arrivals[1],
        arrived_again=arrivals[2],
        never_arrived=arrivals[0],
        outcome_unknown=len(unknown),
        again_though_known=sum(counts[address] > 1 for address in set(addresses) - unknown),
        unknown_of_each=tuple(lost[number] for number in range(1, len(begun) + 1)),
        unknown_of_a_claim=max(claimed.values(), default=0),
        unanswered=len(attempts) - lost.total(),
    )


@contextmanager
def stage(
    *, with_redis: bool = True, protection: tuple[str, ...] = ()
) -> Iterator[tuple[Flask, NotificationsSettings, Sink]]:
    """Servers, a migrated database and a sink, perhaps over TLS; or with nobody where Redis should be."""
    run = Servers(servers.choose_kind())
    with tempfile.TemporaryDirectory() as folder, running_sink(Path(folder), *protection) as sink:
        try:
            redis_url = run.redis.url() if with_redis else f"redis://{HOST}:{free_port()}/0"
            settings = settings_for(run.postgres.create_database("kills"), redis_url, sink)
            app = create_app(settings)
            with app.app_context():
                flask_migrate.upgrade()
            yield app, settings, sink
        finally:
            run.close()

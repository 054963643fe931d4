"""Sessions are revoked within a second while the mail server hangs and mails are due: the whole backend.

`python -m tests.notifications revocations` plays it at full size and judges.
"""

import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from flask import Flask

from services.notifications.app import create_app
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing import servers
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.servers import Servers
from tests.notifications import kills
from tests.notifications.trials import statuses, watching
from tests.system import journey
from tests.system.backend import SECRET, Backend

MAIL_SERVER = "mailbox"
PAUSE_SECONDS = 10.0


@dataclass(frozen=True)
class Revocations:
    """How long they took, what lay in Redis, and where the deliveries stood at the end."""

    times: int
    median_seconds: float
    at_most_seconds: float
    entries_at_most: int
    statuses: dict[str, int]


def play(backend: Backend, redis: PrivateRedis, *, seconds: float, mails: int) -> Revocations:
    """Sign in and out again and again while nothing answers the worker's SMTP."""
    reader = journey.Journey(backend.gateway_url, backend.mailbox_url)
    reader.register()
    reader.verify()
    mailbox = backend.processes[MAIL_SERVER].process
    assert mailbox is not None
    app, settings = notifications_of(backend, redis)
    mailbox.send_signal(signal.SIGSTOP)
    try:
        accept(app, mails)
        end, took = time.monotonic() + seconds, []
        with watching(settings) as watch:
            while not took or time.monotonic() < end:
                took.append(revocation_seconds(reader))
                time.sleep(min(PAUSE_SECONDS, max(0.0, end - time.monotonic())))
        left = statuses(app)
    finally:
        mailbox.send_signal(signal.SIGCONT)
    return Revocations(len(took), statistics.median(took), max(took), watch.most, left)


def revocation_seconds(reader: journey.Journey) -> float:
    """From the answer to the sign-out until the gateway refuses the session."""
    reader.sign_in()
    begun = time.monotonic()
    reader.sign_out()
    return time.monotonic() - begun


def notifications_of(backend: Backend, redis: PrivateRedis) -> tuple[Flask, NotificationsSettings]:
    """An app beside the running ones, on the same database."""
    settings = NotificationsSettings(
        jwt_secret_key=SECRET,
        redis_url=redis.url(),
        public_url=backend.gateway_url,
        database_url=backend.environment["NOTIFICATIONS_DATABASE_URL"],
        smtp_host="127.0.0.1",
        mail_from="no-reply@doorward.test",
    )
    return create_app(settings), settings


def accept(app: Flask, mails: int) -> None:
    """Codes to so many addresses."""
    for begin in range(0, mails, 500):
        kills.accept(app, [f"{uuid4()}@example.org" for _ in range(min(500, mails - begin))])


@contextmanager
def backends() -> Iterator[tuple[Backend, PrivateRedis]]:
    """A whole backend on servers of its own."""
    run = Servers(servers.choose_kind())
    postgres, redis = run.private_postgres(), run.private_redis()
    with tempfile.TemporaryDirectory() as folder:
        backend = Backend(postgres=postgres, redis=redis, folder=Path(folder))
        try:
            backend.start()
            yield backend, redis
        finally:
            backend.close()
            redis.close()
            postgres.close()
            run.close()

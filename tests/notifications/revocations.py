"""Sessions are revoked within a second while the mail server hangs and mails are due: the whole backend.

`python -m tests.notifications.revocations --seconds 1800 --mails 10000` prints how long revocations took.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
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


def play(backend: Backend, redis: PrivateRedis, *, seconds: float, mails: int) -> str:
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
    times = f"median {statistics.median(took):.3f} s, at most {max(took):.3f} s"
    return f"{len(took)} revocations: {times}; entries in Redis at most {watch.most}; deliveries {left}"


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


def main() -> None:
    """Start a backend, play, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--mails", type=int, default=200)
    arguments = parser.parse_args()
    run = Servers(servers.choose_kind())
    postgres, redis = run.private_postgres(), run.private_redis()
    with tempfile.TemporaryDirectory() as folder:
        backend = Backend(postgres=postgres, redis=redis, folder=Path(folder))
        try:
            backend.start()
            found = play(backend, redis, seconds=arguments.seconds, mails=arguments.mails)
            sys.stdout.write(f"{found}\n")
        finally:
            backend.close()
            redis.close()
            postgres.close()
            run.close()


if __name__ == "__main__":
    main()

"""Workers that are killed in the middle of their work: every mail arrives, and none arrives twice."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.engines import wait_until
from tests.mailbox_process import Mailbox
from tests.notifications.test_api import send

MAILS = 100
KILLS = 10
LEASE_SECONDS = 2
PATIENCE_SECONDS = 90


def start_worker(settings: NotificationsSettings) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "JWT_SECRET_KEY": settings.accepted_secrets[0],
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "PUBLIC_URL": str(settings.public_url),
        "NOTIFICATIONS_DATABASE_URL": settings.database_url.get_secret_value(),
        "NOTIFICATIONS_SMTP_HOST": settings.smtp_host,
        "NOTIFICATIONS_SMTP_PORT": str(settings.smtp_port),
        "NOTIFICATIONS_SMTP_SECURITY": "none",
        "NOTIFICATIONS_MAIL_FROM": settings.mail_from,
        "NOTIFICATIONS_ATTEMPT_LEASE_SECONDS": str(LEASE_SECONDS),
        "NOTIFICATIONS_RETRY_SECONDS": "0.1",
        "NOTIFICATIONS_SMTP_FINAL_TIMEOUT_SECONDS": "1",
        "LOG_LEVEL": "WARNING",
    }
    return subprocess.Popen([sys.executable, "-m", "deploy", "work", "notifications"], env=environment)


@contextmanager
def worker(settings: NotificationsSettings) -> Iterator[subprocess.Popen[bytes]]:
    process = start_worker(settings)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def statuses(app: Flask) -> Counter[str]:
    with app.app_context():
        rows = db.session.execute(text("SELECT status, count(*) FROM notifications GROUP BY status"))
        return Counter({status: count for status, count in rows})


@pytest.mark.timeout(180)
def test_every_mail_arrives_exactly_once_whenever_workers_are_killed(
    app: Flask,
    client: FlaskClient,
    settings: NotificationsSettings,
    mailbox: Mailbox,
    as_sender: dict[str, str],
) -> None:
    for number in range(MAILS):
        send(client, as_sender, to={"email": f"u{number}@example.org"})

    for kill in range(1, KILLS + 1):
        goal = kill * MAILS // (KILLS + 2)
        with worker(settings) as process:
            wait_until(
                lambda goal=goal: len(mailbox.messages(limit=200)) >= goal,
                what=f"{goal} mails",
                seconds=PATIENCE_SECONDS,
            )
            time.sleep(random.uniform(0, 0.02))  # not in step with the mails
            process.send_signal(signal.SIGKILL)
    with worker(settings):
        wait_until(
            lambda: statuses(app)["sent"] + statuses(app)["outcome_unknown"] == MAILS,
            what="an end of every mail",
            seconds=PATIENCE_SECONDS,
        )

    received = Counter(mail["to"][0] for mail in mailbox.messages(limit=500))
    assert received == {f"u{number}@example.org": 1 for number in range(MAILS)}

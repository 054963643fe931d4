"""Real worker processes: what they do when nothing answers them, and what they tell."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.notifications.delivery import watchdog
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import Worker, working
from tests.mailbox_process import Mailbox
from tests.notifications import kills
from tests.notifications.sink import Sink
from tests.notifications.test_api import send
from tests.notifications.worker_process import environment_of, running_worker

DEAF = (
    sys.executable, "-m", "celery", "-A", "services.notifications.worker:celery", "worker",
    "-P", "threads", "--queues", "notifications", "--without-gossip", "--without-mingle",
)  # fmt: skip


def changed(settings: NotificationsSettings, **changes: object) -> NotificationsSettings:
    return NotificationsSettings.model_validate({**settings.model_dump(by_alias=False), **changes})


def test_worker_that_does_not_hear_its_bells_ends_so_that_it_is_started_again(
    app: Flask, client: FlaskClient, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    environment = environment_of(changed(settings, stuck_seconds=1))
    send(client, as_sender)

    ended = subprocess.run(DEAF, env=environment, timeout=60, capture_output=True)

    assert ended.returncode == watchdog.EXIT_CODE
    assert b"worker_stuck" in ended.stderr


def test_worker_whose_redis_goes_away_sends_on_when_it_is_back(
    app: Flask,
    client: FlaskClient,
    settings: NotificationsSettings,
    private_redis: PrivateRedis,
    mailbox: Mailbox,
    as_sender: dict[str, str],
) -> None:
    mine = changed(settings, redis_url=private_redis.url(), stuck_seconds=5)
    with running_worker(mine) as worker:
        send(client, as_sender)
        wait_until(lambda: len(mailbox.messages()) == 1, what="the first mail")

        private_redis.stop()
        send(client, as_sender)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(7)  # longer than the watchdog's patience: a broker that is away is not its business
        private_redis.start()

        wait_until(lambda: len(mailbox.messages()) == 2, what="the second mail", seconds=20)


@pytest.mark.usefixtures("app")
def test_worker_whose_terminal_goes_away_ends_in_order(settings: NotificationsSettings) -> None:
    """Celery would start itself again, and wait for threads that do not end: it did nothing more."""
    with hang_up(signal.SIG_DFL), running_worker(settings) as worker:
        worker.send_signal(signal.SIGHUP)

        assert worker.wait(30) == 0


@pytest.mark.usefixtures("app")
def test_worker_that_is_to_outlive_its_terminal_does(settings: NotificationsSettings) -> None:
    with hang_up(signal.SIG_IGN), running_worker(settings) as worker:
        status = Path(f"/proc/{worker.pid}/status").read_text()

    (ignored,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")]
    assert int(ignored, 16) & 1 << signal.SIGHUP - 1


@contextmanager
def hang_up(disposition: signal.Handlers) -> Iterator[None]:
    """What is started meanwhile inherits this answer to SIGHUP (nohup: that it is ignored)."""
    before = signal.signal(signal.SIGHUP, disposition)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_worker_tells_what_it_has_sent(
    app: Flask, client: FlaskClient, settings: NotificationsSettings, as_sender: dict[str, str]
) -> None:
    port = free_port()
    line = 'doorward_emails_total{result="sent",template="message"} 1.0'
    with running_worker(changed(settings, worker_metrics_port=port)):
        send(client, as_sender)

        wait_until(lambda: line in _metrics(port), what=line)


def _metrics(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=2).text
    except httpx.HTTPError:
        return ""


def test_how_long_mail_waits_is_told_without_any_worker(
    client: FlaskClient, as_sender: dict[str, str]
) -> None:
    before = _oldest_due_seconds(client)
    send(client, as_sender)

    assert before == 0
    assert _oldest_due_seconds(client) > 0


def _oldest_due_seconds(client: FlaskClient) -> float:
    lines = client.get("/metrics").text.splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("doorward_emails_oldest_due_seconds ")]
    return float(value)


@pytest.mark.timeout(300)
def test_two_workers_send_each_mail_once(app: Flask, settings: NotificationsSettings, sink: Sink) -> None:
    addresses = [f"u{number}@example.org" for number in range(200)]
    kills.accept(app, addresses)
    mine = changed(settings, smtp_port=sink.port)

    two = [Worker.of("notifications", environment_of(mine))] * 2
    with working(*two):
        wait_until(lambda: sink.count() >= len(addresses), what="every mail", seconds=60)

    assert sink.recipients() == Counter(addresses)


@pytest.mark.timeout(300)
def test_killed_workers_lose_no_message_and_send_again_only_what_they_may(
    app: Flask, settings: NotificationsSettings, sink: Sink
) -> None:
    mine = changed(
        settings,
        smtp_port=sink.port,
        attempt_lease_seconds=2,
        smtp_timeout_seconds=1,
        smtp_final_timeout_seconds=30,  # a busy machine answers too
        retry_seconds=0.1,
    )

    outcome = kills.play(app, mine, sink, mails=60, kills=3)

    # Of a code that may or may not have been taken a second copy is sent, and its timeline says so.
    assert outcome.never_arrived == 0
    assert outcome.arrived_again <= outcome.outcome_unknown
    assert outcome.again_though_known == 0
    # Of its claims a slot has one at most between the note and the end. A lane has one slot more where all
    # are slow. Nobody but a killed worker may leave an outcome unknown.
    *killed, last = outcome.unknown_of_each
    assert outcome.unknown_of_a_claim <= 1
    assert max(killed) <= mine.urgent_slots + 1
    assert (last, outcome.unanswered) == (0, 0)

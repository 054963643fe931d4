"""`make bench-notifications`: one worker beside a bare smtplib loop, in front of the same mail server.

The loop renders the same mail and sends it over one connection; it keeps no book, so that a crash loses or
doubles whatever was under way. The ratio is the price of knowing. Contestants take turns, and the median
counts, since a busy machine favours whoever is measured in a quiet moment.
"""

import argparse
import smtplib
import statistics
import sys
import time
from collections.abc import Callable
from itertools import count

import flask_mail
from flask import Flask

from services.notifications import rendering
from services.notifications.settings import NotificationsSettings
from shared.chassis.testing.engines import wait_until
from tests.notifications.kills import accept, stage
from tests.notifications.sink import Sink
from tests.notifications.worker_process import running_worker

VARIABLES = {"code": "314159", "link": "https://x.example/#t", "minutes": "10", "hours": "1"}
Contestant = Callable[[Flask, NotificationsSettings, Sink, int], float]
numbers = count()


def bare_loop(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> float:
    """Render and send, one after the other, over one connection."""
    begun = time.perf_counter()
    with app.app_context(), smtplib.SMTP(settings.smtp_host, settings.smtp_port) as server:
        for _ in range(mails):
            message = written()
            server.sendmail("no-reply@doorward.test", message.recipients, message.as_bytes())
    return mails / (time.perf_counter() - begun)


def flask_mail_alone(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> float:
    """What a tutorial does: ``mail.send``, which connects for each mail."""
    app.config.update(MAIL_SERVER=settings.smtp_host, MAIL_PORT=settings.smtp_port)
    begun = time.perf_counter()
    with app.app_context():
        mail = flask_mail.Mail(app)
        for _ in range(mails):
            mail.send(written())
    return mails / (time.perf_counter() - begun)


def worker(slots: int) -> Contestant:
    """Our worker with so many slots for codes: from the first mail that arrives to the last."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> float:
        addresses = [f"w{next(numbers)}@example.org" for _ in range(mails)]
        accept(app, addresses)
        already = sink.count()
        changes = {"urgent_slots": slots, "worker_concurrency": slots + 5, "attempt_lease_seconds": 30}
        tuned = settings.model_copy(update=changes)
        with running_worker(tuned):
            wait_until(lambda: sink.count() > already, what="the first mail", seconds=60)
            first, begun = sink.count(), time.perf_counter()
            wait_until(lambda: sink.count() >= already + mails, what="the last mail", seconds=300)
            return (already + mails - first) / (time.perf_counter() - begun)

    return run


def written() -> flask_mail.Message:
    """The mail as the worker renders it."""
    content = rendering.render("verify_email", "en", VARIABLES)
    return flask_mail.Message(
        subject=content.subject,
        recipients=[f"b{next(numbers)}@example.org"],
        body=content.text,
        html=content.html,
        sender="no-reply@doorward.test",
    )


CONTESTANTS: dict[str, Contestant] = {
    "smtplib loop, one connection": bare_loop,
    "Flask-Mail's mail.send": flask_mail_alone,
    "worker, one slot": worker(1),
    "worker, four slots": worker(4),
}


def main() -> None:
    """Print mails a second, and the ratio to the bare loop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    with stage() as (app, settings, sink):
        for _ in range(arguments.rounds):
            for name, contestant in CONTESTANTS.items():
                rates[name].append(contestant(app, settings, sink, arguments.mails))
    base = statistics.median(rates["smtplib loop, one connection"])
    for name, measured in rates.items():
        rate = statistics.median(measured)
        sys.stdout.write(f"{name:32} {rate:8.0f} mails/s  {rate / base:5.2f} of the bare loop\n")


if __name__ == "__main__":
    main()

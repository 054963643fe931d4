"""`make bench-notifications`: one worker beside a bare smtplib loop and the tutorial's way.

The loop renders the same mail and sends it over one connection; it keeps no book, so that a crash loses or
doubles whatever was under way. The ratio is the price of knowing. Contestants take turns, and the median
counts, since a busy machine favours whoever is measured in a quiet moment. The last line is PASS or FAIL: at
least half of the loop's rate with one slot, and five times the tutorial's with the slots that suit the sink
best. `--more` adds how fast messages
are accepted, with Redis and without, how long a large queue takes, and how urgent messages fare beside it.
"""

import argparse
import os
import smtplib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import count
from pathlib import Path

import flask_mail
from flask import Flask

from bench.notifications.tutorial import PASSWORD, USER, queue_up, running_tutorial, written
from services.notifications.settings import NotificationsSettings
from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.processes import working
from shared.chassis.testing.tokens import access_token, bearer
from tests.notifications import trials
from tests.notifications.certificates import write_certificate
from tests.notifications.kills import accept, stage
from tests.notifications.sink import PASSWORD as SINK_PASSWORD
from tests.notifications.sink import USERNAME, Sink
from tests.notifications.worker_process import running_worker

BARE, TUTORIAL = "smtplib loop, one connection", "Flask-Mail in a Celery task"
ONE_SLOT, FOUR_SLOTS = "worker, one slot", "worker, four slots"
OF_THE_LOOP, OF_THE_TUTORIAL = 0.5, 5.0
FAR_SECONDS = 0.005
MESSAGE = {"template": "message", "variables": {"subject": "Hello", "text": "World"}}
# Of other systems, for orientation; on other machines, and each for what it counts as a mail.
PUBLISHED = (
    "Published elsewhere, mails/s: Postal 2 to 20, listmonk 12 to 17, and 830 to a mail server of its own"
)
Contestant = Callable[[Flask, NotificationsSettings, Sink, int], float]
numbers = count()


def bare_loop(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> float:
    """Render and send, one after the other, over one connection."""
    begun = time.perf_counter()
    with app.app_context(), smtplib.SMTP(settings.smtp_host or "", settings.smtp_port) as server:
        for _ in range(mails):
            recipient = f"b{next(numbers)}@example.org"
            message = written(recipient)
            server.sendmail("no-reply@doorward.test", recipient, message.as_bytes())
    return mails / (time.perf_counter() - begun)


def flask_mail_alone(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> float:
    """``mail.send`` in a loop, which connects for each mail."""
    app.config.update(MAIL_SERVER=settings.smtp_host, MAIL_PORT=settings.smtp_port)
    begun = time.perf_counter()
    with app.app_context():
        mail = flask_mail.Mail(app)
        for _ in range(mails):
            mail.send(written(f"f{next(numbers)}@example.org"))
    return mails / (time.perf_counter() - begun)


def tutorial(processes: int) -> Contestant:
    """The same in a Celery task: from the first mail that arrives to the last."""

    def run(_app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> float:
        account = {USER: USERNAME, PASSWORD: SINK_PASSWORD} if sink.protection else {}
        already = sink.count()
        queue_up(settings, [f"t{next(numbers)}@example.org" for _ in range(mails)])
        with running_tutorial(settings, processes=processes, **account):
            return arrival_rate(sink, already, mails)

    return run


def far_away(contestant: Contestant) -> Contestant:
    """The same with a server each answer of which takes as long as from the next city."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> float:
        with sink.offering(after_seconds=FAR_SECONDS):
            return contestant(app, settings, sink, mails)

    return run


def worker(slots: int, *, can_pipeline: bool = True) -> Contestant:
    """Our worker with so many slots for codes: from the first mail that arrives to the last."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> float:
        accept(app, [f"w{next(numbers)}@example.org" for _ in range(mails)])
        already = sink.count()
        changes = {"urgent_slots": slots, "worker_concurrency": slots + 5, "attempt_lease_seconds": 30}
        offered = nullcontext() if can_pipeline else sink.offering(pipelining=False)
        with offered, running_worker(settings.model_copy(update=changes)):
            return arrival_rate(sink, already, mails)

    return run


def worker_over_tls(slots: int) -> Contestant:
    """Our worker with so many slots, at a server that wants TLS and an account."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> float:
        accept(app, [f"s{next(numbers)}@example.org" for _ in range(mails)])
        already = sink.count()
        account = {"security": "starttls", "username": USERNAME, "password": SINK_PASSWORD}
        changes = {"urgent_slots": slots, "worker_concurrency": slots + 5, "attempt_lease_seconds": 30}
        only = trials.server(sink, "only", **account)
        with working(trials.worker_of(settings.model_copy(update=changes), only)):
            return arrival_rate(sink, already, mails)

    return run


def arrival_rate(sink: Sink, already: int, mails: int) -> float:
    """Mails a second from the first that arrives to the last."""
    wait_until(lambda: sink.count() > already, what="the first mail", seconds=60)
    begun, first = sink.last_at(), sink.count()
    wait_until(lambda: sink.count() >= already + mails, what="the last mail", seconds=600)
    return (already + mails - first) / (sink.last_at() - begun)


CONTESTANTS: dict[str, Contestant] = {
    BARE: bare_loop,
    "Flask-Mail's mail.send": flask_mail_alone,
    TUTORIAL: tutorial(1),
    "the same, four processes": tutorial(4),
    ONE_SLOT: worker(1),
    "worker, one slot, no PIPELINING": worker(1, can_pipeline=False),
    FOUR_SLOTS: worker(4),
}


OVER_TLS: dict[str, Contestant] = {
    TUTORIAL: tutorial(1),
    "the same, four processes": tutorial(4),
    ONE_SLOT: worker_over_tls(1),
    FOUR_SLOTS: worker_over_tls(4),
}


FAR: dict[str, Contestant] = {
    TUTORIAL: far_away(tutorial(1)),
    "the same, four processes": far_away(tutorial(4)),
    ONE_SLOT: far_away(worker(1)),
    FOUR_SLOTS: far_away(worker(4)),
}


def acceptance(app: Flask, requests: int) -> str:
    """How many messages a second are accepted over the API by one thread, and the slowest of a hundred."""
    client = app.test_client()
    headers = bearer(access_token(new_id(), claims={"scope": "notifications:send"}))
    took = []
    for _ in range(requests):
        body = {**MESSAGE, "to": {"email": f"a{next(numbers)}@example.org"}}
        begun = time.perf_counter()
        assert client.post("/api/v1/notifications", json=body, headers=headers).status_code == 202
        took.append(time.perf_counter() - begun)
    slowest = sorted(took)[int(requests * 0.99) - 1]
    return f"{requests / sum(took):6.0f} a second, p99 {slowest * 1000:.1f} ms"


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def measured(
    contestants: dict[str, Contestant], mails: int, rounds: int, protection: tuple[str, ...] = ()
) -> dict[str, float]:
    """The median rate of each contestant."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    with stage(protection=protection) as (app, settings, sink):
        for _ in range(rounds):
            for name, contestant in contestants.items():
                rates[name].append(contestant(app, settings, sink, mails))
    return {name: statistics.median(found) for name, found in rates.items()}


def compare(mails: int, rounds: int) -> str:
    """Print mails a second and the ratios: at an open server, at one as public relays are, at one that is
    far. The verdict is of the open one, where the loop is too.
    """
    medians = measured(CONTESTANTS, mails, rounds)
    for name, rate in medians.items():
        ratios = f"{rate / medians[BARE]:5.2f} of the loop, {rate / medians[TUTORIAL]:5.2f} of the tutorial"
        say(f"{name:32} {rate:8.0f} mails/s  {ratios}")
    say("with STARTTLS and a sign-in, as public relays want it:")
    with tempfile.TemporaryDirectory() as folder:
        certificate = str(write_certificate(Path(folder)))
        os.environ["SSL_CERT_FILE"] = certificate
        compare_with_tutorial(measured(OVER_TLS, mails, rounds, ("starttls", certificate)))
    say(f"at an open server whose answers take {FAR_SECONDS * 1000:.0f} ms:")
    compare_with_tutorial(measured(FAR, mails, rounds))
    say(PUBLISHED)
    return verdict(medians)


def verdict(medians: dict[str, float]) -> str:
    """Whether one worker process is as fast as it has to be, with PIPELINING."""
    loop = medians[ONE_SLOT] / medians[BARE]
    tutorial = max(medians[ONE_SLOT], medians[FOUR_SLOTS]) / medians[TUTORIAL]
    is_fast = loop >= OF_THE_LOOP and tutorial >= OF_THE_TUTORIAL
    figures = f"{loop:.2f} of the loop (at least {OF_THE_LOOP}), {tutorial:.2f} times the tutorial's way"
    return f"{'PASS' if is_fast else 'FAIL'} worker: {figures} (at least {OF_THE_TUTORIAL:.0f})"


def compare_with_tutorial(medians: dict[str, float]) -> None:
    """Print mails a second, and the ratio to the tutorial's way."""
    for name, rate in medians.items():
        say(f"{name:32} {rate:8.0f} mails/s  {rate / medians[TUTORIAL]:5.2f} of the tutorial")


def more(mails: int) -> None:
    """Acceptance, large queues, and urgent messages beside bulk ones."""
    with stage() as (app, _settings, _sink):
        acceptance(app, 50)
        say(f"accepted, Redis there:   {acceptance(app, mails)}")
    with stage(with_redis=False) as (app, _settings, _sink):
        acceptance(app, 50)
        say(f"accepted, Redis stopped: {acceptance(app, mails)}")
    for size in (mails, mails * 10):
        with stage() as (app, settings, sink):
            say(f"{size} drained in {trials.drain(app, settings, sink, messages=size):.1f} s")
    with stage() as (app, settings, sink):
        say(f"urgent beside {mails * 5} bulk: {trials.lanes(app, settings, sink, bulk=mails * 5, urgent=50)}")


def main() -> None:
    """Print mails a second, and the ratios to the bare loop and to the tutorial's way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mails", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--more", action="store_true")
    arguments = parser.parse_args()
    said = compare(arguments.mails, arguments.rounds)
    if arguments.more:
        more(arguments.mails)
    say(said)


if __name__ == "__main__":
    main()

"""`make bench-notifications`: one worker beside a bare smtplib loop and the tutorial's way.

The loop renders the same mail and sends it over one connection; it keeps no book, so that a crash loses or
doubles whatever was under way. The ratio is the price of knowing. Contestants take turns, and the median
counts, since a busy machine favours whoever is measured in a quiet moment. Beside each rate stands the
processor time of all that ran on the machine meanwhile, a mail: it says what a busy machine hides.

The last line is PASS or FAIL: with one slot at least half of the loop's rate, at an open server; and with the
slots that a worker has by default five times the tutorial's rate, one process of ours beside one of the
tutorial's. That is measured as tutorials have it: at a server that wants TLS and a sign-in, with results
kept in Redis (bench/notifications/tutorial.py names them). How it is at an open server is in that line too.
`--more` adds how fast messages are accepted, with Redis and without, how long a large queue takes, and how
urgent messages fare beside it.
"""

import argparse
import math
import os
import smtplib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

import flask_mail
from flask import Flask

from bench.notifications.tutorial import PASSWORD, RESULTS, USER, queue_up, running_tutorial, written
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

BARE, TUTORIAL = "smtplib loop, one connection", "Flask-Mail in a Celery task"
WITH_RESULTS = "the same, results kept in Redis"
ONE_SLOT, TWO_SLOTS, FOUR_SLOTS = "worker, one slot", "worker, two slots", "worker, four slots"
BY_DEFAULT = TWO_SLOTS
CORES = len(os.sched_getaffinity(0))
TUTORIALS_DEFAULT = f"the same, Celery's default of {CORES} processes"
WORKER_A_CORE = f"{CORES} workers, four slots each"
OF_THE_LOOP, OF_THE_TUTORIAL = 0.5, 5.0
LONGER = 4  # so many times the mails for ours: it takes a second until all slots are at work
FAR_SECONDS = 0.005
MESSAGE = {"template": "message", "variables": {"subject": "Hello", "text": "World"}}
# Of other systems, for orientation; on other machines, and each for what it counts as a mail.
PUBLISHED = (
    "Published elsewhere, mails/s: Postal 2 to 20, listmonk 12 to 17, and 830 to a mail server of its own"
)


class Rate(NamedTuple):
    """Mails a second, and the processor time of the whole machine a mail."""

    mails: float
    milliseconds: float


Contestant = Callable[[Flask, NotificationsSettings, Sink, int], Rate]
numbers = count()


def busy_seconds() -> float:
    """The processor time of all that runs on this machine, since it runs; not a number where nobody says."""
    with suppress(OSError):
        user, nice, system, _idle, _waiting, *interrupts = Path("/proc/stat").read_text().split()[1:8]
        ticks = sum(map(int, (user, nice, system, *interrupts)))
        return ticks / os.sysconf("SC_CLK_TCK")
    return math.nan


def bare_loop(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> Rate:
    """Render and send, one after the other, over one connection."""
    begun, busy = time.perf_counter(), busy_seconds()
    with app.app_context(), smtplib.SMTP(settings.smtp_host or "", settings.smtp_port) as server:
        for _ in range(mails):
            recipient = f"b{next(numbers)}@example.org"
            message = written(recipient)
            server.sendmail("no-reply@doorward.test", recipient, message.as_bytes())
    return Rate(mails / (time.perf_counter() - begun), 1000 * (busy_seconds() - busy) / mails)


def flask_mail_alone(app: Flask, settings: NotificationsSettings, _sink: Sink, mails: int) -> Rate:
    """``mail.send`` in a loop, which connects for each mail."""
    app.config.update(MAIL_SERVER=settings.smtp_host, MAIL_PORT=settings.smtp_port)
    begun, busy = time.perf_counter(), busy_seconds()
    with app.app_context():
        mail = flask_mail.Mail(app)
        for _ in range(mails):
            mail.send(written(f"f{next(numbers)}@example.org"))
    return Rate(mails / (time.perf_counter() - begun), 1000 * (busy_seconds() - busy) / mails)


def tutorial(processes: int, *, has_results: bool = False) -> Contestant:
    """The same in a Celery task: from the first mail that arrives to the last."""

    def run(_app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> Rate:
        more = {USER: USERNAME, PASSWORD: SINK_PASSWORD} if sink.protection else {}
        if has_results:
            more[RESULTS] = settings.redis_url.get_secret_value()
        already = sink.count()
        queue_up(settings, [f"t{next(numbers)}@example.org" for _ in range(mails)])
        with running_tutorial(settings, processes=processes, **more):
            return arrival_rate(sink, already, mails)

    return run


def far_away(contestant: Contestant) -> Contestant:
    """The same with a server each answer of which takes as long as from the next city."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> Rate:
        with sink.offering(after_seconds=FAR_SECONDS):
            return contestant(app, settings, sink, mails)

    return run


def worker(slots: int, *, can_pipeline: bool = True, processes: int = 1, times: int = 1) -> Contestant:
    """Our worker with so many slots for codes: from the first mail that arrives to the last."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> Rate:
        accept(app, [f"w{next(numbers)}@example.org" for _ in range(times * mails)])
        already = sink.count()
        changes = {"urgent_slots": slots, "worker_concurrency": slots + 5, "attempt_lease_seconds": 30}
        workers = [trials.worker_of(settings.model_copy(update=changes))] * processes
        offered = nullcontext() if can_pipeline else sink.offering(pipelining=False)
        with offered, working(*workers):
            return arrival_rate(sink, already, times * mails)

    return run


def worker_over_tls(slots: int) -> Contestant:
    """Our worker with so many slots, at a server that wants TLS and an account."""

    def run(app: Flask, settings: NotificationsSettings, sink: Sink, mails: int) -> Rate:
        accept(app, [f"s{next(numbers)}@example.org" for _ in range(LONGER * mails)])
        already = sink.count()
        account = {"security": "starttls", "username": USERNAME, "password": SINK_PASSWORD}
        changes = {"urgent_slots": slots, "worker_concurrency": slots + 5, "attempt_lease_seconds": 30}
        only = trials.server(sink, "only", **account)
        with working(trials.worker_of(settings.model_copy(update=changes), only)):
            return arrival_rate(sink, already, LONGER * mails)

    return run


def arrival_rate(sink: Sink, already: int, mails: int) -> Rate:
    """Mails a second from the first that arrives to the last."""
    wait_until(lambda: sink.count() > already, what="the first mail", seconds=60)
    begun, first, busy = sink.last_at(), sink.count(), busy_seconds()
    wait_until(lambda: sink.count() >= already + mails, what="the last mail", seconds=600)
    came = already + mails - first
    return Rate(came / (sink.last_at() - begun), 1000 * (busy_seconds() - busy) / came)


CONTESTANTS: dict[str, Contestant] = {
    BARE: bare_loop,
    "Flask-Mail's mail.send": flask_mail_alone,
    TUTORIAL: tutorial(1),
    TUTORIALS_DEFAULT: tutorial(CORES),
    ONE_SLOT: worker(1, times=LONGER),
    "worker, one slot, no PIPELINING": worker(1, can_pipeline=False, times=LONGER),
    TWO_SLOTS: worker(2, times=LONGER),
    FOUR_SLOTS: worker(4, times=LONGER),
    WORKER_A_CORE: worker(4, processes=CORES, times=LONGER),
}


OVER_TLS: dict[str, Contestant] = {
    TUTORIAL: tutorial(1),
    WITH_RESULTS: tutorial(1, has_results=True),
    TUTORIALS_DEFAULT: tutorial(CORES),
    ONE_SLOT: worker_over_tls(1),
    TWO_SLOTS: worker_over_tls(2),
    FOUR_SLOTS: worker_over_tls(4),
}


FAR: dict[str, Contestant] = {
    TUTORIAL: far_away(tutorial(1)),
    TUTORIALS_DEFAULT: far_away(tutorial(CORES)),
    ONE_SLOT: far_away(worker(1)),
    TWO_SLOTS: far_away(worker(2)),
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
) -> dict[str, Rate]:
    """The medians of each contestant."""
    rates: dict[str, list[Rate]] = {name: [] for name in contestants}
    with stage(protection=protection) as (app, settings, sink):
        for _ in range(rounds):
            for name, contestant in contestants.items():
                rates[name].append(contestant(app, settings, sink, mails))
    return {name: Rate(*map(statistics.median, zip(*found, strict=True))) for name, found in rates.items()}


def compare(mails: int, rounds: int) -> str:
    """Print mails a second and the ratios: at an open server, at one as tutorials have it, at one that is
    far; the verdict.
    """
    say("at an open server, without TLS and a sign-in:")
    at_open = measured(CONTESTANTS, mails, rounds)
    for name, rate in at_open.items():
        ratios = f"{rate.mails / at_open[BARE].mails:5.2f} of the loop, {beside(rate, at_open[TUTORIAL])}"
        say(f"{shown(name, rate)}  {ratios}")
    say("with STARTTLS and a sign-in, as tutorials have it and public relays want it:")
    with tempfile.TemporaryDirectory() as folder:
        certificate = str(write_certificate(Path(folder)))
        os.environ["SSL_CERT_FILE"] = certificate
        over_tls = measured(OVER_TLS, mails, rounds, ("starttls", certificate))
    compare_with(WITH_RESULTS, over_tls)
    say(f"at an open server whose answers take {FAR_SECONDS * 1000:.0f} ms:")
    compare_with(TUTORIAL, measured(FAR, mails, rounds))
    say(PUBLISHED)
    return verdict(at_open, over_tls)


def shown(name: str, rate: Rate) -> str:
    """What was measured of one contestant."""
    return f"{name:40} {rate.mails:6.0f} mails/s {rate.milliseconds:6.2f} ms each"


def beside(rate: Rate, tutorial: Rate) -> str:
    """The ratio to the tutorial's way."""
    return f"{rate.mails / tutorial.mails:5.2f} of the tutorial"


def verdict(at_open: dict[str, Rate], over_tls: dict[str, Rate]) -> str:
    """Whether one worker process is as fast as it has to be, with PIPELINING."""
    loop = at_open[ONE_SLOT].mails / at_open[BARE].mails
    times = over_tls[BY_DEFAULT].mails / over_tls[WITH_RESULTS].mails
    times_at_open = at_open[BY_DEFAULT].mails / at_open[TUTORIAL].mails
    is_fast = loop >= OF_THE_LOOP and times >= OF_THE_TUTORIAL
    return (
        f"{'PASS' if is_fast else 'FAIL'} worker: {loop:.2f} of the loop (at least {OF_THE_LOOP}), "
        f"{times:.2f} times the tutorial's way (at least {OF_THE_TUTORIAL:.0f}); "
        f"{times_at_open:.2f} times at an open server"
    )


def compare_with(tutorial: str, medians: dict[str, Rate]) -> None:
    """Print mails a second, and the ratio to this one."""
    for name, rate in medians.items():
        say(f"{shown(name, rate)}  {beside(rate, medians[tutorial])}")


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
    parser.add_argument("--quick", action="store_true", help="300 mails, one round")
    parser.add_argument("--more", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.mails, arguments.rounds = 300, 1
    said = compare(arguments.mails, arguments.rounds)
    if arguments.more:
        more(arguments.mails)
    say(said)


if __name__ == "__main__":
    main()

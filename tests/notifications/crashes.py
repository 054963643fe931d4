"""Workers, the API, Redis and connections to PostgreSQL, killed again and again while messages come in.

`python -m tests.notifications crashes` plays it at full size. Workers die at random moments and at named
points; the sink's record is the judge.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import flask_migrate
import httpx
from flask import Flask
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError

from services.notifications.app import create_app
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.clients import PostgresServer, PrivateRedis
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.processes import kill_group, stop_all
from shared.chassis.testing.servers import Servers
from shared.chassis.testing.tokens import access_token, bearer
from tests.notifications import kills
from tests.notifications.crash_points import POINTS
from tests.notifications.sink import Sink, running_sink
from tests.notifications.worker_process import environment_of

DATABASE = "crashes"
UNKNOWN = (
    "SELECT address FROM deliveries d JOIN attempts ON d.id = delivery_id WHERE outcome = 'outcome_unknown'"
)
LOST = (None, "sent", "failed")  # what nobody may say of a message that was accepted and never came
VERDICT_EVERY = 50
WORKERS = 4  # so that two work while others are started
LEAST_ARRIVING = 5  # between two kills: so workers die while they send
DOOMED = 0.5  # how many of the workers that are started die at a named point
MOST_WAITING = 300
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Stage:
    """Everything that is killed, and what judges."""

    app: Flask
    settings: NotificationsSettings
    sink: Sink
    redis: PrivateRedis
    postgres: PostgresServer


@dataclass
class Accepted:
    """The addresses of what was accepted: messages that are never sent twice, and codes that may be."""

    messages: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)


class Senders(threading.Thread):
    """Posts messages to the API under keys, again and again until each is answered 202; and accepts codes."""

    def __init__(self, stage: Stage, port: int) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self._url = f"http://127.0.0.1:{port}/api/v1/notifications"
        self._stopping = threading.Event()
        self.accepted = Accepted()
        self.answers: Counter[int] = Counter()  # to requests that were not accepted

    def run(self) -> None:
        """Keep some hundred messages waiting until told to stop."""
        account_id = new_id()
        with httpx.Client(timeout=5) as client:
            while not self._stopping.is_set():
                if unfinished(self._stage.app) > MOST_WAITING:
                    time.sleep(0.1)
                    continue
                # A token lasts for a quarter of an hour, and all the kills may take longer.
                client.headers.update(headers_of(account_id))
                self._post(client)
                self._accept_codes()

    def _post(self, client: httpx.Client) -> None:
        for _ in range(10):
            address = f"m{new_id()}@example.org"
            variables = {"subject": "Hello", "text": "World"}
            body = {"template": "message", "to": {"email": address}, "variables": variables}
            while not self._stopping.is_set():
                with suppress(httpx.HTTPError):
                    answer = client.post(self._url, json=body, headers={"Idempotency-Key": address})
                    if answer.status_code == 202:
                        self.accepted.messages.append(address)
                        break
                    self.answers[answer.status_code] += 1
                time.sleep(0.2)

    def _accept_codes(self) -> None:
        codes = [f"c{new_id()}@example.org" for _ in range(10)]
        with suppress(SQLAlchemyError):  # the connection may be the one that is cut
            kills.accept(self._stage.app, codes)
            self.accepted.codes += codes

    def stop(self) -> None:
        """End after the request at hand."""
        self._stopping.set()
        self.join()


def headers_of(account_id: UUID) -> dict[str, str]:
    """The headers of an API key that may send, with a token that was issued now."""
    return bearer(access_token(account_id, claims={"scope": "notifications:send"}))


class Running(NamedTuple):
    """A worker process, its own folder for temporary files, and the point that it dies at, if any."""

    process: subprocess.Popen[bytes]
    folder: Path
    point: str | None = None

    @property
    def is_dead(self) -> bool:
        """Whether it has ended."""
        return self.process.poll() is not None

    @property
    def works(self) -> bool:
        """Whether it has come so far as to send mail."""
        return not self.is_dead and any(self.folder.glob("doorward-*-worker.alive"))


class Processes:
    """The API and the workers, each started again when it is gone."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.port = free_port()
        self.died_at: Counter[str] = Counter()
        self._stage = stage
        self._folder = folder
        self._environment = environment_of(stage.settings) | {
            "NOTIFICATIONS_PORT": str(self.port),
            "NOTIFICATIONS_WORKERS": "1",
            "LOG_LEVEL": "ERROR",
        }
        self._api = self._started("-m", "deploy", "serve", "notifications").process
        self._workers = [self._work() for _ in range(WORKERS)]

    def _work(self, point: str | None = None) -> Running:
        if point is None:
            return self._started("-m", "deploy", "work", "notifications")
        times = str(random.randint(1, 20))
        return self._started("-m", "tests.notifications.crash_points", point, times)._replace(point=point)

    def _started(self, *arguments: str) -> Running:
        folder = Path(tempfile.mkdtemp(dir=self._folder))  # of its own, for the heartbeat
        environment = {**self._environment, "TMPDIR": str(folder)}
        command = [sys.executable, *arguments]
        process = subprocess.Popen(
            command, env=environment, start_new_session=True, stderr=subprocess.DEVNULL
        )
        return Running(process, folder)

    def kill_worker(self) -> None:
        """A worker that works dies at a random moment; the next one perhaps at a point."""
        arrived = self._stage.sink.count()
        wait_until(lambda: self._sends(arrived), what="mail that arrives", seconds=PATIENCE_SECONDS)
        victim = self._one_that_works()
        time.sleep(random.uniform(0, 0.2))
        kill_group(victim.process)
        self.died_at["a random moment"] += 1
        point = random.choice(list(POINTS)) if random.random() < DOOMED else None
        self._workers[self._workers.index(victim)] = self._work(point)

    def _sends(self, arrived: int) -> bool:
        self.restart_dead()
        return self._stage.sink.count() >= arrived + LEAST_ARRIVING

    def _one_that_works(self) -> Running:
        found: list[Running] = []

        def look() -> bool:
            self.restart_dead()
            found[:] = [worker for worker in self._workers if worker.works and worker.point is None]
            return bool(found)

        wait_until(look, what="a worker that works", seconds=PATIENCE_SECONDS)
        return random.choice(found)

    def kill_api(self) -> None:
        """The API dies, with every request that it has."""
        kill_group(self._api)
        self._api = self._started("-m", "deploy", "serve", "notifications").process

    def kill_connection(self) -> None:
        """PostgreSQL ends some of the connections."""
        with self._stage.postgres.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid() AND random() < 0.5",
                [DATABASE],
            )

    def kill_redis(self) -> None:
        """Redis dies, and is back in a moment."""
        with self._stage.redis.client() as client:
            pid = int(client.info("server")["process_id"])  # type: ignore[index]
        os.kill(pid, signal.SIGKILL)
        self._stage.redis.restart()

    def restart_dead(self) -> None:
        """As whoever keeps processes alive would; whoever died at a point is counted."""
        for number, worker in enumerate(self._workers):
            if worker.is_dead:
                self.died_at[worker.point or "by itself"] += 1
                self._workers[number] = self._work()

    def close(self) -> None:
        """End all of them in order."""
        stop_all(*(worker.process for worker in self._workers), self._api)


@dataclass(frozen=True)
class Verdict:
    """What became of all that was accepted."""

    kills: dict[str, int]
    accepted: int
    arrived_once: int
    arrived_again: int
    lost: int
    unknown_to_be_settled: int
    again_though_known: int
    messages_doubled: int
    statuses: dict[str, int]
    other_answers: dict[int, int]


def play(stage: Stage, number: int, say: Callable[[str], object] = lambda _line: None) -> Verdict:
    """Kill so many times, then let the workers end what is left, and judge."""
    with tempfile.TemporaryDirectory(prefix="doorward-crashes-") as folder:
        processes = Processes(stage, Path(folder))
        senders = Senders(stage, processes.port)
        senders.start()
        try:
            while processes.died_at.total() < number:
                before = processes.died_at.total()
                _kill(processes)
                say(f"{processes.died_at.total()} kills, {stage.sink.count()} arrived")
                if processes.died_at.total() // VERDICT_EVERY > before // VERDICT_EVERY:
                    say(f"so far {judge(stage, senders, processes.died_at)}")
            senders.stop()
            wait_until(lambda: _is_over(stage, processes), what="an end of all", seconds=PATIENCE_SECONDS)
        finally:
            processes.close()
        return judge(stage, senders, processes.died_at)


def _kill(processes: Processes) -> None:
    acts = {
        "connection": processes.kill_connection,
        "api": processes.kill_api,
        "redis": processes.kill_redis,
    }
    processes.kill_worker()
    (kind,) = random.choices([*acts, ""], weights=[15, 10, 5, 70])
    if kind:
        acts[kind]()
        processes.died_at[kind] += 1


def _is_over(stage: Stage, processes: Processes) -> bool:
    processes.restart_dead()
    return unfinished(stage.app) == 0


def unfinished(app: Flask) -> int:
    """How many deliveries have not ended."""
    statement = "SELECT count(*) FROM deliveries WHERE status IN ('queued', 'retrying', 'sending')"
    return int(asked(app, statement)[0][0])


def asked(app: Flask, statement: str) -> Sequence[Row[Any]]:
    """The rows that PostgreSQL answers, asked again where the connection was the one that is cut."""
    while True:
        try:
            with app.app_context():
                return db.session.execute(text(statement)).all()
        except SQLAlchemyError:
            time.sleep(0.1)


def judge(stage: Stage, senders: Senders, done: Counter[str]) -> Verdict:
    """What the sink counted, beside what the database says."""
    accepted = senders.accepted
    everybody = [*accepted.messages, *accepted.codes]  # before the database is asked, which knows all of them
    status_of = {
        row.address: row.status for row in asked(stage.app, "SELECT address, status FROM deliveries")
    }
    unknown = {row.address for row in asked(stage.app, UNKNOWN)}
    counts = stage.sink.recipients()  # after the database was asked: what is sent by then has come
    again = {address for address in everybody if counts[address] > 1}
    return Verdict(
        kills=dict(done),
        accepted=len(everybody),
        arrived_once=sum(counts[address] == 1 for address in everybody),
        arrived_again=len(again),
        lost=sum(counts[address] == 0 and status_of.get(address) in LOST for address in everybody),
        unknown_to_be_settled=sum(status_of.get(address) == "outcome_unknown" for address in everybody),
        again_though_known=len(again - unknown),
        messages_doubled=len(again & set(accepted.messages)),
        statuses=dict(Counter(status_of.values())),
        other_answers=dict(senders.answers),
    )


@contextmanager
def staged() -> Iterator[Stage]:
    """Servers of its own, a Redis that can be killed among them."""
    run = Servers(servers.choose_kind())
    own_redis = run.private_redis()
    with tempfile.TemporaryDirectory() as folder, running_sink(Path(folder)) as sink:
        try:
            url = run.postgres.create_database(DATABASE)
            settings = kills.settings_for(url, own_redis.url(), sink)
            app = create_app(settings)
            with app.app_context():
                flask_migrate.upgrade()
            yield Stage(app, settings, sink, own_redis, run.postgres)
        finally:
            own_redis.close()
            run.close()

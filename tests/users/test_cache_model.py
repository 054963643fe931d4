"""The cache as a model: two processes read, write and hear messages, while links are cut, Redis restarts and
processes are killed between any two steps. No read shows less than what was acknowledged before it began.

A write whose process could not reach Redis, or not a second ago, counts from the relay's next step on.
CACHE_MODEL_EXAMPLES=200 makes it a long run.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis import Redis

from services.users.app import create_app
from services.users.models import db
from services.users.settings import UsersSettings
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until
from shared.chassis.testing.tokens import SECRET
from tests.users.link import Link

EXAMPLES = int(os.environ.get("CACHE_MODEL_EXAMPLES", "2"))
STEPS = 12
SIDES = st.sampled_from([0, 1])
WHICH = st.sampled_from([0, 0, 0, 1])
BREAKER_SECONDS = 2.0  # after which a process has found that Redis is there again, half a second and some


class Process:
    """One process of users behind a link to Redis of its own."""

    def __init__(self, environment: dict[str, str], redis: PrivateRedis) -> None:
        self.link = Link(redis.url())
        self._environment = {**os.environ, **environment, "REDIS_URL": self.link.url}
        self.stopped: dict[str, Any] | None = None  # the operation that waits, if one does
        self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "tests.users.cache_process"]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._hear() == {"ready": True}

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith('{"ready"') or line.startswith(('{"stopped"', '{"done"')):
                heard: dict[str, Any] = json.loads(line)
                return heard
        raise AssertionError("the process has ended")

    def ask(self, **command: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._hear()

    def kill(self) -> None:
        self._end()
        self.stopped = None
        self._start()

    def close(self) -> None:
        self._end()
        self.link.close()

    def _end(self) -> None:
        with self._process:  # closes the pipes, and waits
            self._process.kill()


class World:
    """What all runs of the model share: the servers and the processes."""

    def __init__(self, app: Any, redis: PrivateRedis, environment: dict[str, str]) -> None:
        self.app = app
        self.redis = redis
        self.sides = [Process(environment, redis) for _ in range(2)]
        self.worker = Process(environment, redis)

    def version(self, account_id: str) -> int:
        with self.app.app_context():
            query = db.text("SELECT version FROM profiles WHERE id = :id")
            found = db.session.execute(query, {"id": UUID(account_id)}).scalar()
            db.session.rollback()
        return found or 0


class CacheModel(RuleBasedStateMachine):
    world: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        for side in self.world.sides:
            side.link.restore()
            if side.stopped is not None:
                side.kill()
        wait_until(lambda: not any(self.may_not_reach_redis(number) for number in range(2)), what="breakers")
        self.accounts = [str(new_id()), str(new_id())]
        self.least = dict.fromkeys(self.accounts, 0)  # no read may show less
        self.later = dict.fromkeys(self.accounts, 0)  # nor this, once the relay has been there
        self.overwritten: set[str] = set()  # whose key had another's value
        self.number = 0

    def body(self, account: str) -> dict[str, Any]:
        self.number += 1
        content = {
            "id": account,
            "email": f"{self.number}@example.org",
            "display_name": "Ada",
            "locale": "en",
        }
        return {
            **content,
            "roles": [],
            "is_active": True,
            "is_verified": True,
            "created_at": utcnow().isoformat(),
        }

    def may_not_reach_redis(self, number: int) -> bool:
        return self.world.sides[number].link.was_cut_within(BREAKER_SECONDS)

    def begin_operation(self, number: int, operation: dict[str, Any]) -> None:
        side = self.world.sides[number]
        operation["least"] = self.least[operation["account"]]
        operation["was_cut"] = self.may_not_reach_redis(number)
        side.stopped = operation
        self.go_on(number, side.ask(**{key: operation[key] for key in operation["told"]}))

    def go_on(self, number: int, answer: dict[str, Any]) -> None:
        side = self.world.sides[number]
        operation = side.stopped
        assert operation is not None
        if "stopped" in answer:
            operation["at"] = answer["stopped"]
            return
        side.stopped = None
        if operation["do"] == "read":
            self.check(operation, answer)
        else:
            self.acknowledge(operation)

    def check(self, operation: dict[str, Any], answer: dict[str, Any]) -> None:
        assert answer["status"] == 200
        assert answer["id"] == operation["account"], "another account's profile"
        assert answer["version"] >= operation["least"], "older than an acknowledged write"

    def acknowledge(self, operation: dict[str, Any]) -> None:
        account = operation["account"]
        version = self.world.version(account)
        self.later[account] = max(self.later[account], version)
        if not operation["was_cut"]:
            self.least[account] = max(self.least[account], version)

    def is_free(self, number: int) -> bool:
        return self.world.sides[number].stopped is None

    def is_locked(self, account: str) -> bool:
        waiting = [side.stopped for side in self.world.sides if side.stopped]
        return any(
            operation["account"] == account and operation.get("at") == "before_commit"
            for operation in waiting
        )

    def is_readable(self, account: str) -> bool:
        """Who makes a profile waits for who else does; who reads one waits for nobody."""
        return not self.is_locked(account) or self.world.version(account) > 0

    @rule(
        number=SIDES, which=WHICH, stops=st.sampled_from([[], [], ["after_select"]]), is_batch=st.booleans()
    )
    def read(self, number: int, which: int, stops: list[str], is_batch: bool = False) -> None:
        account = self.accounts[which]
        if self.is_free(number) and self.is_readable(account):
            told = ("do", "account", "body", "stops", "is_batch")
            content = {"do": "read", "account": account, "body": self.body(account), "is_batch": is_batch}
            self.begin_operation(number, {**content, "stops": stops, "told": told})

    @rule(
        number=SIDES,
        which=WHICH,
        kind=st.sampled_from(["write", "message"]),
        stops=st.lists(st.sampled_from(["before_commit", "after_commit"]), unique=True),
    )
    def write(self, number: int, which: int, kind: str, stops: list[str]) -> None:
        account = self.accounts[which]
        if self.is_free(number) and not self.is_locked(account):
            told = ("do", "account", "body", "name", "stops")
            content = {"do": kind, "account": account, "body": self.body(account), "name": f"N{self.number}"}
            self.begin_operation(number, {**content, "stops": stops, "told": told})

    @precondition(lambda self: any(side.stopped for side in self.world.sides))
    @rule(number=SIDES)
    def go(self, number: int) -> None:
        side = self.world.sides[number]
        if side.stopped is not None:
            side.stopped["was_cut"] |= self.may_not_reach_redis(number)
            self.go_on(number, side.ask(do="go"))

    @precondition(lambda self: any(side.stopped for side in self.world.sides))
    @rule(number=SIDES)
    def kill(self, number: int) -> None:
        side = self.world.sides[number]
        if side.stopped is not None:
            operation = side.stopped
            was_committed = operation["do"] != "read" and operation["at"] == "after_commit"
            side.kill()
            if was_committed:
                self.acknowledge(operation)  # whoever reads it elsewhere may rely on it

    @rule(number=SIDES)
    def cut(self, number: int) -> None:
        link = self.world.sides[number].link
        if link.is_cut:
            link.restore()
        else:
            link.cut()

    @rule()
    def relay(self) -> None:
        self.world.worker.ask(do="relay", account=self.accounts[0])
        self.least = dict(self.later)

    @rule()
    def restart_redis(self) -> None:
        self.world.redis.restart()

    @rule(which=WHICH)
    def move_value(self, which: int) -> None:
        """Somebody who can write to Redis puts one account's value under the other's key."""
        source, target = self.accounts[which], self.accounts[1 - which]
        if source in self.overwritten:
            return  # that would bring the target's own old value back, which nothing can tell from a new one
        self.overwritten.add(target)
        with Redis.from_url(self.world.redis.url()) as redis:
            for key in redis.keys(f"*{source}*"):
                redis.set(key.replace(source.encode(), target.encode()), redis.get(key) or b"")

    @invariant()
    def each_side_shows_enough(self) -> None:
        """Read everywhere where it does not disturb what waits."""
        for number in range(2):
            for account in getattr(self, "accounts", ()):
                if self.least[account] and self.is_free(number) and self.is_readable(account):
                    told = ("do", "account", "body")
                    operation = {"do": "read", "account": account, "body": self.body(account), "told": told}
                    self.begin_operation(number, operation)


@pytest.fixture
def world(service_database: ServiceDatabases, private_redis: PrivateRedis) -> Iterator[World]:
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "USERS_DATABASE_URL": service_database("users").url,
        "USERS_CACHE_PATIENCE_MILLISECONDS": "5000",
        "LOG_LEVEL": "ERROR",
    }
    app = create_app(
        UsersSettings(
            jwt_secret_key=SECRET,
            redis_url=private_redis.url(),
            public_url="http://127.0.0.1:8080",
            database_url=service_database("users").url,
        )
    )
    service_database("users").migrate(app)
    world = World(app, private_redis, environment)
    yield world
    for process in (*world.sides, world.worker):
        process.close()
    with app.app_context():
        db.engine.dispose()


@pytest.mark.timeout(0 if EXAMPLES > 2 else 300)
def test_no_read_is_older_than_the_last_acknowledged_write(world: World) -> None:
    CacheModel.world = world
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        CacheModel,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=EXAMPLES <= 2,
            suppress_health_check=list(HealthCheck),
        ),
    )


Model = CacheModel
# Found in the cache of before, each in a way of its own; and their siblings.
SEQUENCES: dict[str, Callable[[Model], list[Any]]] = {
    "a reader between a message and its commit": lambda model: [
        model.write(0, 0, "message", ["before_commit"]),
        model.read(1, 0, []),
        model.go(0),
    ],
    "a writer that was overtaken by another": lambda model: [
        model.write(0, 0, "write", ["after_commit"]),
        model.write(1, 0, "write", []),
        model.go(0),
    ],
    "a writer that does not reach Redis": lambda model: [
        model.cut(0),
        model.write(0, 0, "write", []),
        model.cut(0),
        model.relay(),
    ],
    "a batch that was overtaken by a writer": lambda model: [
        model.restart_redis(),
        model.read(1, 0, ["after_select"], is_batch=True),
        model.write(0, 0, "write", []),
        model.go(1),
    ],
    "a value under the key of another account": lambda model: [
        model.write(0, 1, "write", []),
        model.each_side_shows_enough(),
        model.move_value(0),
    ],
    "a writer that is killed between commit and cache": lambda model: [
        model.write(0, 0, "write", ["after_commit"]),
        model.kill(0),
    ],
    "a reader that was overtaken by a writer after Redis was restarted": lambda model: [
        model.restart_redis(),
        model.read(1, 0, ["after_select"]),
        model.write(0, 0, "write", []),
        model.go(1),
    ],
    "a message that is killed before its commit": lambda model: [
        model.write(0, 0, "message", ["before_commit"]),
        model.kill(0),
        model.write(0, 0, "write", []),
    ],
}


@pytest.mark.timeout(300)
def test_sequences_that_once_showed_an_old_value_or_that_of_another(world: World) -> None:
    CacheModel.world = world
    failed = []
    for name, sequence in SEQUENCES.items():
        model = CacheModel()
        model.begin()
        model.write(0, 0, "write", [])
        model.each_side_shows_enough()
        try:
            sequence(model)
            model.each_side_shows_enough()
        except AssertionError as error:
            failed.append(f"{name}: {error}".splitlines()[0])

    assert failed == []

"""What runs of the cache's model share: PostgreSQL, Redis, two processes of users and one of its worker."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import flask_migrate

from services.users.app import create_app
from services.users.models import db
from services.users.settings import UsersSettings
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.processes import uncounted
from shared.chassis.testing.tokens import SECRET
from tests.users.link import Link


class Process:
    """One process of users behind a link to Redis of its own."""

    def __init__(self, environment: dict[str, str], redis: PrivateRedis) -> None:
        self.link = Link(redis.url())
        self._environment = {**uncounted(os.environ), **environment, "REDIS_URL": self.link.url}
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
        self.environment = {**uncounted(os.environ), **environment, "REDIS_URL": redis.url()}
        self.sides = [Process(environment, redis) for _ in range(2)]
        self.worker = Process(environment, redis)

    def version(self, account_id: str) -> int:
        with self.app.app_context():
            query = db.text("SELECT version FROM profiles WHERE id = :id")
            found = db.session.execute(query, {"id": UUID(account_id)}).scalar()
            db.session.rollback()
        return found or 0


@contextmanager
def world_on(database_url: str, redis: PrivateRedis) -> Iterator[World]:
    """The processes on that database, migrated, and that Redis."""
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "USERS_DATABASE_URL": database_url,
        "USERS_CACHE_PATIENCE_MILLISECONDS": "5000",
        "LOG_LEVEL": "ERROR",
    }
    app = create_app(
        UsersSettings(
            jwt_secret_key=SECRET,
            redis_url=redis.url(),
            public_url="http://127.0.0.1:8080",
            database_url=database_url,
        )
    )
    with app.app_context():
        flask_migrate.upgrade()
    world = World(app, redis, environment)
    try:
        yield world
    finally:
        for process in (*world.sides, world.worker):
            process.close()
        with app.app_context():
            db.engine.dispose()

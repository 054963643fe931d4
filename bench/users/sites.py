"""Who is measured: users as `doorward serve` runs it, and the peer, each on tables that were filled alike."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import flask_migrate
from sqlalchemy import text

from bench.auth.rivals import database_of, environment, listens
from bench.users.rows import DJANGO_SECRET, fill
from services.users.app import create_app
from services.users.models import db
from services.users.settings import UsersSettings
from shared.chassis.testing.clients import PostgresServer
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.tokens import SECRET
from tests.auth.processes import running

HERE = Path(__file__).parent
PUBLIC_URL = "http://127.0.0.1"


@dataclass(frozen=True)
class Machine:
    """What both have alike."""

    postgres: PostgresServer
    redis_url: str
    workers: int
    threads: int


@dataclass(frozen=True)
class Served:
    """A server: its URL, and the group of its processes."""

    url: str
    group: int


@contextmanager
def doorward(machine: Machine, rows: int) -> Iterator[Served]:
    """users with so many profiles."""
    database_url = machine.postgres.create_database(f"bench_users_{rows}")
    _fill(database_url, machine.redis_url, rows)
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": machine.redis_url,
        "PUBLIC_URL": PUBLIC_URL,
        "LOG_LEVEL": "WARNING",  # no line for each request: the peer writes none either
        "USERS_DATABASE_URL": database_url,
        "USERS_DATABASE_POOL_SIZE": str(machine.threads),
        "USERS_PORT": str(port),
        "USERS_WORKERS": str(machine.workers),
        "USERS_THREADS": str(machine.threads),
    }
    with _serving([sys.executable, "-m", "deploy", "serve", "users"], environ, port) as served:
        yield served


@contextmanager
def django(machine: Machine, rows: int) -> Iterator[Served]:
    """Django REST framework with so many profiles. Raises LeftOut."""
    python = str(environment("users-django", HERE / "requirements.txt") / "python")
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "BENCH_SECRET": DJANGO_SECRET,
        "BENCH_REDIS_URL": machine.redis_url,
        "BENCH_FILL": fill(rows),
        **database_of(machine.postgres.create_database(f"bench_drf_{rows}")),
    }
    site = str(HERE / "drf_site.py")
    subprocess.run([python, site, "prepare"], env=environ, check=True)
    options = f"--workers {machine.workers} --threads {machine.threads} --bind 127.0.0.1:{port}"
    gunicorn = [python, "-m", "gunicorn", "--chdir", str(HERE), "--no-control-socket", "-k", "gthread"]
    environ["GUNICORN_CMD_ARGS"] = options
    with _serving([*gunicorn, "drf_site:application"], environ, port) as served:
        yield served


@contextmanager
def _serving(command: list[str], environ: dict[str, str], port: int) -> Iterator[Served]:
    url = f"http://127.0.0.1:{port}"
    with (
        tempfile.TemporaryDirectory() as folder,
        running(tuple(command), environ, Path(folder) / "log") as process,
    ):
        wait_until(lambda: listens(url), what=url, seconds=60)
        yield Served(url, process.pid)


def _fill(database_url: str, redis_url: str, rows: int) -> None:
    settings = UsersSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url=PUBLIC_URL,
        database_url=database_url,
        log_level="WARNING",
    )
    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.exec_driver_sql(fill(rows))
            connection.execute(text("VACUUM (ANALYZE) profiles"))
        db.engine.dispose()

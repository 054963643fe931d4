"""auth beside what it is made of and beside another: `python -m bench.auth [--accounts 10000 1000000]`

- sign-ins a second against the bare argon2 rate of the same cores and parameters,
- refreshes a second, beside simplejwt with rotation and blacklist on the same PostgreSQL (with --simplejwt
  the python of an environment that has djangorestframework-simplejwt, psycopg and gunicorn),
- introspections a second,
- each at every number of accounts.

Real gunicorn processes, one client process a connection, PostgreSQL and Redis as the tests take them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import flask_migrate
from argon2 import PasswordHasher
from sqlalchemy import text

from bench.auth.load import Connection, Rate, measure
from services.auth import accounts as account_use_cases
from services.auth.app import create_app
from services.auth.models import db
from services.auth.settings import AuthSettings
from shared.chassis.testing import servers
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.tokens import SECRET
from tests.auth.processes import environment, running, serving

PASSWORD = "plum-harbour-93-kettle"
AUTH = "/api/v1/auth"
HERE = Path(__file__).parent
CLIENTS = 16

# The first accounts have this password's hash; the others fill the tables.
FILL = text("""
    INSERT INTO accounts (id, email, password_hash, verified_at, created_at, updated_at)
    SELECT gen_random_uuid(), 'user' || n || '@example.org', :hash, now(), now(), now()
    FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n
""")
FILL_SESSIONS = text("""
    INSERT INTO sessions (id, account_id, methods, authenticated_at, created_at, last_used_at, expires_at,
                          ip, user_agent)
    SELECT gen_random_uuid(), id, '["pwd"]', now(), now(), now(), now() + interval '30 days', '', ''
    FROM accounts
""")


def bare_argon2(seconds: float, settings: AuthSettings) -> float:
    """Verifications a second, one thread a core and nothing else."""
    hasher = PasswordHasher(
        settings.password_hash_iterations,
        settings.password_hash_memory_kib,
        settings.password_hash_parallelism,
    )
    stored = hasher.hash(PASSWORD)
    counts = [0] * len(os.sched_getaffinity(0))
    end = time.perf_counter() + seconds

    def work(place: int) -> None:
        while time.perf_counter() < end:
            hasher.verify(stored, PASSWORD)
            counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def sign_in(connection: Connection, number: int) -> int:
    """One sign-in; each client has accounts of its own."""
    body = {"email": f"user{number}@example.org", "password": PASSWORD}
    connection.post(f"{AUTH}/login", body)
    return number + CLIENTS if number + CLIENTS <= 5000 else number % CLIENTS + 1


def refresh(connection: Connection, token: str) -> str:
    """One refresh; the next takes what it answers."""
    next_token: str = connection.post(f"{AUTH}/refresh", {"refresh_token": token})["refresh_token"]
    return next_token


def introspect(connection: Connection, state: tuple[str, str]) -> tuple[str, str]:
    """One introspection of an access token by an administrator."""
    admin, token = state
    headers = {"Authorization": f"Bearer {admin}", "Content-Type": "application/x-www-form-urlencoded"}
    if not connection.send(f"{AUTH}/introspect", f"token={token}", headers)["active"]:
        raise RuntimeError("a living token is not active")
    return state


def simplejwt_refresh(connection: Connection, token: str) -> str:
    """The same at simplejwt."""
    next_token: str = connection.post("/refresh", {"refresh": token})["refresh"]
    return next_token


def fill(settings: AuthSettings, accounts: int) -> None:
    """The tables with that many accounts and sessions, and one administrator."""
    app = create_app(settings)
    hasher = PasswordHasher(settings.password_hash_iterations, settings.password_hash_memory_kib, 1)
    with app.app_context():
        flask_migrate.upgrade()
        db.session.execute(text("SET statement_timeout = 0"))
        db.session.execute(FILL, {"hash": hasher.hash(PASSWORD), "first": 1, "last": accounts})
        db.session.execute(FILL_SESSIONS)
        db.session.commit()
        db.session.execute(text("ANALYZE"))
        db.session.commit()
        account_use_cases.create_admin(email="root@example.org", password=PASSWORD)
        db.engine.dispose()


def bench_auth(pair: servers.Servers, accounts: int, seconds: float) -> dict[str, Rate]:
    """The rates of auth with that many accounts."""
    url = pair.postgres.create_database(f"bench_{accounts}")
    options: dict[str, Any] = {"jwt_secret_key": SECRET, "redis_url": pair.redis.url(), "database_url": url}
    settings = AuthSettings(public_url="http://127.0.0.1", **options)
    fill(settings, accounts)
    environ = environment(database_url=url, redis_url=pair.redis.url())
    for name in ("MEMORY_KIB", "ITERATIONS"):
        environ.pop(f"AUTH_PASSWORD_HASH_{name}")
    with tempfile.TemporaryDirectory() as folder, serving(environ, Path(folder) / "log") as address:
        connection = Connection(address)
        pairs = [
            connection.post(f"{AUTH}/login", {"email": f"user{number}@example.org", "password": PASSWORD})
            for number in range(1, CLIENTS + 1)
        ]
        body = {"email": "root@example.org", "password": PASSWORD}
        admin = connection.post(f"{AUTH}/login", body)["access_token"]
        states = [(admin, each["access_token"]) for each in pairs]
        tokens = [each["refresh_token"] for each in pairs]
        return {
            "introspect": measure(address, introspect, states, seconds=seconds),
            "refresh": measure(address, refresh, tokens, seconds=seconds),
            "sign in": measure(address, sign_in, list(range(1, CLIENTS + 1)), seconds=seconds),
        }


@contextmanager
def serving_simplejwt(python: str, environ: dict[str, str], log: Path) -> Iterator[str]:
    """gunicorn with as many workers and threads as auth has."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (
        python, "-m", "gunicorn", "--chdir", str(HERE), "simplejwt_site:application", "-k", "gthread",
        "--threads", "16", "-w", "4", "-b", f"127.0.0.1:{port}",
    )  # fmt: skip
    with running(command, environ, log):
        wait_until(lambda: "Booting worker" in log.read_text(), what="simplejwt")
        time.sleep(2)
        yield url


def bench_simplejwt(pair: servers.Servers, python: str, accounts: int, seconds: float) -> Rate:
    """simplejwt's refreshes with that many users."""
    parts = urlsplit(pair.postgres.create_database(f"bench_simplejwt_{accounts}"))
    environ = {
        "PATH": os.environ["PATH"],
        "BENCH_DB_NAME": parts.path.lstrip("/"),
        "BENCH_DB_USER": parts.username or "",
        "BENCH_DB_PASSWORD": parts.password or "",
        "BENCH_DB_HOST": parts.hostname or "",
        "BENCH_DB_PORT": str(parts.port),
        "BENCH_ACCOUNTS": str(accounts),
    }
    command = [python, str(HERE / "simplejwt_site.py")]
    prepared = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    tokens = prepared.stdout.split()[:CLIENTS]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving_simplejwt(python, environ, Path(folder) / "log") as address,
    ):
        return measure(address, simplejwt_refresh, tokens, seconds=seconds)


def main() -> None:
    """Print the rates and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--simplejwt", metavar="PYTHON", help="beside simplejwt, run by this interpreter")
    options = parser.parse_args()
    pair = servers.Servers(servers.choose_kind())
    settings = AuthSettings(
        jwt_secret_key=SECRET, redis_url="redis://", public_url="http://127.0.0.1", database_url="x"
    )
    first: dict[str, Rate] = {}
    try:
        for accounts in options.accounts:
            print(f"\n{accounts:,} accounts")
            rates = bench_auth(pair, accounts, options.seconds)
            bare = bare_argon2(options.seconds, settings)
            for name, rate in rates.items():
                growth = rate.median_ms / first.setdefault(name, rate).median_ms
                print(f"  {name:<12}{rate}   {growth:.2f} times the first median", flush=True)
            share = rates["sign in"].per_second / bare
            print(f"  {'bare argon2':<12}{bare:8.0f}/s   sign-ins {share:.0%} of it", flush=True)
            if options.simplejwt:
                other = bench_simplejwt(pair, options.simplejwt, accounts, options.seconds)
                ratio = rates["refresh"].per_second / other.per_second
                print(f"  {'simplejwt':<12}{other}   refreshes {ratio:.1f} times as many", flush=True)
    finally:
        pair.close()


if __name__ == "__main__":
    sys.exit(main())

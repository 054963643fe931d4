"""auth as it is measured: `doorward serve` in front of filled tables, and the calls of its clients."""

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask_migrate
import httpx
from argon2 import PasswordHasher
from sqlalchemy import text

from bench.auth.load import Connection, Contestant, Load
from services.auth.accounts import first_administrator
from services.auth.app import create_app
from services.auth.models import db
from services.auth.settings import AuthSettings
from shared.chassis.testing.engines import free_port, wait_until
from shared.chassis.testing.servers import Servers
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.processes import running

PASSWORD = "plum-harbour-93-kettle"
AUTH = "/api/v1/auth"
SIGNERS_IN = 4000  # accounts that sign in, in turns
UNLIMITED = "1000000 per minute"

FILL = text("""
    INSERT INTO accounts (id, email, password_hash, verified_at, created_at, updated_at)
    SELECT gen_random_uuid(), 'user' || n || '@example.org', :hash, now(), now(), now()
    FROM generate_series(1, CAST(:accounts AS integer)) AS n
""")
FILL_SESSIONS = text("""
    INSERT INTO sessions (id, account_id, methods, authenticated_at, created_at, last_used_at, expires_at,
                          ip, user_agent)
    SELECT gen_random_uuid(), id, '["pwd"]', now(), now(), now(), now() + interval '30 days', '', ''
    FROM accounts
""")


def bare_argon2(settings: AuthSettings, *, seconds: float) -> float:
    """Verifications a second with these parameters, one thread a core and nothing else."""
    hasher = _hasher(settings)
    stored = hasher.hash(PASSWORD)
    counts = [0] * len(os.sched_getaffinity(0))
    end = time.monotonic() + seconds

    def work(place: int) -> None:
        while time.monotonic() < end:
            hasher.verify(stored, PASSWORD)
            counts[place] += time.monotonic() <= end  # as an answer counts that is there in time

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def _hasher(settings: AuthSettings) -> PasswordHasher:
    return PasswordHasher(
        settings.password_hash_iterations,
        settings.password_hash_memory_kib,
        settings.password_hash_parallelism,
    )


def settings_of(
    *, database_url: str = "postgresql://role:password@127.0.0.1/none", redis_url: str = "redis://127.0.0.1"
) -> AuthSettings:
    """What a production that sets nothing runs with."""
    options: dict[str, Any] = {
        "jwt_secret_key": SECRET,
        "secret_key": OWN_SECRET,
        "redis_url": redis_url,
        "database_url": database_url,
    }
    return AuthSettings(public_url="http://127.0.0.1", log_level="WARNING", **options)


@contextmanager
def serving(
    pair: Servers, *, accounts: int, clients: int, workers: int, threads: int
) -> Iterator[Contestant]:
    """auth with that many accounts and sessions, and what is measured of it."""
    database_url = pair.postgres.create_database(f"bench_doorward_{accounts}")
    _fill(settings_of(database_url=database_url, redis_url=pair.redis.url()), accounts)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        "PATH": os.environ["PATH"],
        "JWT_SECRET_KEY": SECRET,
        "AUTH_SECRET_KEY": OWN_SECRET,
        "REDIS_URL": pair.redis.url(),
        "PUBLIC_URL": "http://127.0.0.1",
        "LOG_LEVEL": "WARNING",  # no line for each request: the others write none either
        "AUTH_DATABASE_URL": database_url,
        "AUTH_DATABASE_POOL_SIZE": str(threads),
        "AUTH_PORT": str(port),
        "AUTH_WORKERS": str(workers),
        "AUTH_THREADS": str(threads),
        "AUTH_SIGN_IN_LIMIT": UNLIMITED,  # all come from one address
        "AUTH_ACCESS_TOKEN_SECONDS": "86400",  # the introspected ones outlive the run
    }
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with running((sys.executable, "-m", "deploy", "serve", "auth"), environ, log) as process:
            wait_until(lambda: _answers(url), what=f"auth at {url}", seconds=60)
            yield Contestant(_loads(url, clients), process.pid)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _fill(settings: AuthSettings, accounts: int) -> None:
    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade()
        db.session.execute(text("SET statement_timeout = 0"))
        db.session.execute(FILL, {"hash": _hasher(settings).hash(PASSWORD), "accounts": accounts})
        db.session.execute(FILL_SESSIONS)
        db.session.commit()
        db.session.execute(text("ANALYZE"))
        db.session.commit()
        first_administrator.create_admin(email="root@example.org", password=PASSWORD)
        db.engine.dispose()


def _loads(url: str, clients: int) -> dict[str, Load]:
    connection = Connection(url)
    numbers = range(1, clients + 1)
    pairs = [connection.post(f"{AUTH}/login", _credentials(f"user{number}")) for number in numbers]
    admin = connection.post(f"{AUTH}/login", _credentials("root"))["access_token"]
    connection.close()
    return {
        "refresh": Load(url, refresh, [each["refresh_token"] for each in pairs]),
        "introspect": Load(url, introspect, [(admin, each["access_token"]) for each in pairs]),
        "sign in": Load(url, sign_in, [(number, clients) for number in numbers]),
    }


def _credentials(name: str) -> dict[str, str]:
    return {"email": f"{name}@example.org", "password": PASSWORD}


def refresh(connection: Connection, token: str) -> str:
    """One refresh; the next takes what it answers."""
    next_token: str = connection.post(f"{AUTH}/refresh", {"refresh_token": token})["refresh_token"]
    return next_token


def introspect(connection: Connection, state: tuple[str, str]) -> tuple[str, str]:
    """One introspection of an access token by an administrator."""
    admin, token = state
    headers = {"Authorization": f"Bearer {admin}"}
    if not connection.post_form(f"{AUTH}/introspect", f"token={token}", headers)["active"]:
        raise RuntimeError("a living token is not active")
    return state


def sign_in(connection: Connection, state: tuple[int, int]) -> tuple[int, int]:
    """One sign-in; each client has accounts of its own."""
    number, clients = state
    connection.post(f"{AUTH}/login", _credentials(f"user{number}"))
    next_number = number + clients
    return (next_number if next_number <= SIGNERS_IN else number % clients + 1), clients

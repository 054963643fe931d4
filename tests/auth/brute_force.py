"""What guessing gets: `python -m tests.auth.brute_force [--guesses 10000]`

Guesses passwords as fast as auth answers, from 1 and from 1,000 client addresses, at one account and at
1,000, and says how many guesses were weighed (401) and how many refused (429). Between them the owner of
the first account signs in from a known device. Exits 1 where more got through than the settings allow, or
where the owner was kept out.
"""

import argparse
import itertools
import math
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask_migrate
import httpx

from services.auth.app import create_app
from services.auth.models import db
from services.auth.passwords.hashing import Passwords
from services.auth.settings import AuthSettings
from services.auth.store import accounts
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.processes import environment, serving

PASSWORD = "plum-harbour-93-kettle"
THREADS = 24
OWNER_EVERY = 500
FREE_PER_ACCOUNT, FREE_PER_CLIENT = 8, 50
FORGOTTEN_SECONDS = 3600


@dataclass(frozen=True)
class Result:
    """What one run got."""

    statuses: Counter[int]
    owner: Counter[int]
    seconds: float


def address(number: int) -> str:
    """The numbered account."""
    return f"user{number}@example.org"


def make_accounts(settings: AuthSettings, count: int) -> None:
    """Accounts with a password, verified."""
    app = create_app(settings)
    hashed = Passwords(settings).hash(PASSWORD)
    now = utcnow()
    with app.app_context():
        flask_migrate.upgrade()
        for number in range(count):
            accounts.add_unless_known(
                account_id=new_id(), email=address(number), now=now, password_hash=hashed, verified_at=now
            )
        db.session.commit()
        db.engine.dispose()


def attack(url: str, *, guesses: int, clients: int, targets: int, device: str) -> Result:
    """Guess; every now and then the owner signs in."""
    owner: Counter[int] = Counter()
    http = httpx.Client(base_url=url, timeout=60)

    def guess(number: int) -> int:
        if number % OWNER_EVERY == 0:
            body = {"email": address(0), "password": PASSWORD}
            owner[http.post("login", json=body, headers={"X-Device-Token": device}).status_code] += 1
        ip = f"10.{number % clients // 250}.{number % clients % 250}.9"
        body = {"email": address(number % targets), "password": f"guess {number}"}
        return http.post("login", json=body, headers={"X-Forwarded-For": ip}).status_code

    begun = time.monotonic()
    with http, ThreadPoolExecutor(THREADS) as pool:
        statuses = Counter(pool.map(guess, range(guesses)))
    return Result(statuses, owner, time.monotonic() - begun)


def most(*, clients: int, targets: int, seconds: float) -> int:
    """How many guesses the settings let through.

    Some are free, then come waits of 1, 2, 4… seconds; and as many as are free are forgotten in an hour.
    """
    later = math.floor(math.log2(seconds + 1)) + 1

    def of_each(free: int) -> int:
        return free + later + math.ceil(seconds * free / FORGOTTEN_SECONDS)

    return min(targets * of_each(FREE_PER_ACCOUNT), clients * of_each(FREE_PER_CLIENT))


def serve_and_attack(guesses: int, folder: Path, pair: servers.Servers) -> bool:
    """Every combination, each on counts of its own; whether all were within bounds."""
    url = pair.postgres.create_database("auth_brute_force")
    options: dict[str, Any] = {
        "jwt_secret_key": SECRET,
        "secret_key": OWN_SECRET,
        "redis_url": pair.redis.url(),
        "database_url": url,
    }
    small = {"password_hash_memory_kib": 1024, "password_hash_iterations": 1}
    settings = AuthSettings(public_url="http://127.0.0.1", **options, **small)
    make_accounts(settings, 1000)
    environ = environment(
        database_url=url, redis_url=pair.redis.url(), AUTH_FREE_FAILURES_PER_CLIENT=str(FREE_PER_CLIENT)
    )
    app = create_app(settings)
    is_bounded = True
    with serving(environ, folder / "log") as server:
        api = f"{server}/api/v1/auth/"
        body = {"email": address(0), "password": PASSWORD}
        device = httpx.post(f"{api}login", json=body).headers["X-Device-Token"]
        for clients, targets in itertools.product((1, 1000), (1, 1000)):
            with app.app_context():
                db.session.execute(db.text("TRUNCATE throttles"))
                db.session.commit()
            result = attack(api, guesses=guesses, clients=clients, targets=targets, device=device)
            bound = most(clients=clients, targets=targets, seconds=result.seconds)
            weighed = result.statuses[401]
            print(  # noqa: T201
                f"{clients:>5} addresses, {targets:>5} accounts: of {guesses} guesses {weighed} weighed "
                f"(at most {bound}), {result.statuses[429]} refused, in {result.seconds:.0f} s; "
                f"owner signed in {result.owner[200]} of {result.owner.total()} times",
                flush=True,
            )
            is_kept_in = set(result.owner) == {200}
            is_bounded &= weighed <= bound and set(result.statuses) <= {401, 429} and is_kept_in
    return is_bounded


def main() -> int:
    """1 where guessing got more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guesses", type=int, default=10_000)
    options = parser.parse_args()
    pair = servers.Servers(servers.choose_kind())
    try:
        with tempfile.TemporaryDirectory() as folder:
            return 0 if serve_and_attack(options.guesses, Path(folder), pair) else 1
    finally:
        pair.close()


if __name__ == "__main__":
    sys.exit(main())

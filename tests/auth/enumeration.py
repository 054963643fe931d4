"""Can anybody learn whether an address is registered? `python -m tests.auth.enumeration [--requests 300]`

Starts auth with real servers, makes one account of each kind, and sends every call that takes an address
for each kind in random order. Status, body and headers must be equal; the times must not be told apart
by a Mann-Whitney test at p < 0.01, where a difference counts only if a second, fresh run shows it too
(of two dozen comparisons one falls below 0.01 by chance every fourth time). Exits 1 where a kind stands out.

`--without-dummy-hash` serves an auth whose sign-in does no work for unknown addresses: it must exit 1.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import bcrypt
import flask_migrate
import httpx
from flask import Flask
from scipy.stats import mannwhitneyu

from services.auth.app import create_app
from services.auth.models import db
from services.auth.passwords.hashing import Passwords
from services.auth.settings import AuthSettings
from services.auth.store import accounts, challenges
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.processes import environment, serving

THRESHOLD = 0.01
HASH_MEMORY_KIB = 8192
PASSWORD = "a guess, and a wrong one 93"
CALLS: dict[str, dict[str, str]] = {
    "register": {"password": "plum-harbour-93-kettle"},
    "login": {"password": PASSWORD},
    "password/forgot": {},
    "email-code": {},
    "verify-email/resend": {},
    # A code is tried: each account has one of each kind that is alive.
    "verify-email": {"code": "000000"},
    "email-code/verify": {"code": "000000"},
    "password/reset": {"code": "000000", "password": "plum-harbour-93-kettle"},
}
CODES = ("verify_email", "sign_in_code", "password_reset")
KINDS = ("known", "unknown", "unverified", "disabled", "imported", "passkey-only")
VARYING_HEADERS = {"date", "x-request-id"}
IMPORTED_HASH = bcrypt.hashpw(b"x", bcrypt.gensalt(8)).decode()


def app_without_dummy_hash() -> Flask:
    """auth as a careless author would have written it."""
    thorough = Passwords.is_right

    def is_right(self: Passwords, password: str, stored: str | None, **options: Any) -> bool:
        return stored is not None and thorough(self, password, stored, **options)

    Passwords.is_right = is_right  # type: ignore[method-assign]
    return create_app()


def kinds_of_accounts(hashed: str) -> dict[str, dict[str, Any]]:
    """One account of each kind but the unknown; ``hashed`` is the hash of a password."""
    now = utcnow()
    return {
        "known": {"password_hash": hashed, "verified_at": now},
        "unverified": {"password_hash": hashed},
        "disabled": {"password_hash": hashed, "verified_at": now, "is_active": False},
        "imported": {"password_hash": IMPORTED_HASH, "verified_at": now},
        "passkey-only": {"password_hash": None, "verified_at": now},
    }


def make_accounts(settings: AuthSettings) -> None:
    """The accounts, in a database that is empty yet."""
    app = create_app(settings)
    hashed = Passwords(settings).hash("plum-harbour-93-kettle")
    with app.app_context():
        flask_migrate.upgrade()
        for kind, values in kinds_of_accounts(hashed).items():
            add_account(kind, values)
        db.session.commit()
        db.engine.dispose()


def add_account(kind: str, values: dict[str, Any]) -> None:
    """An account of that kind, with codes that any number of guesses leave alive; in an app's context."""
    account_id, now = new_id(), utcnow()
    accounts.add_unless_known(account_id=account_id, email=address(kind), now=now, **values)
    for purpose in CODES:
        challenges.put(
            account_id=account_id,
            purpose=purpose,
            now=now,
            not_since=now,
            code_hash=f"a hash that no code has, {purpose}",
            token_hash=f"{kind} {purpose}",
            tries_left=1_000_000,
            expires_at=now + timedelta(days=1),
        )


def address(kind: str, number: int = 0) -> str:
    """The address of that kind; an unknown one is another each time, all of one length."""
    return f"{number:06}@unknown.example.org" if kind == "unknown" else f"{kind:_<6.6}@account.example.org"


class Samples:
    """What was answered, and how fast, for each call and kind."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._number = 0
        self.seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self.answers: dict[str, set[str]] = defaultdict(set)

    def take(self, call: str, requests: int) -> None:
        """Send the call ``requests`` times for each kind, in random order."""
        kinds = [kind for kind in KINDS for _ in range(requests)]
        random.shuffle(kinds)
        for kind in kinds:
            self._number += 1
            body = {"email": address(kind, self._number), **CALLS[call]}
            begun = time.perf_counter()
            answer = self._client.post(call, json=body)
            self.seconds[call, kind].append(time.perf_counter() - begun)
            self.answers[call].add(comparable(answer.status_code, answer.headers, answer.json()))


def comparable(status: int, headers: Mapping[str, str], body: dict[str, Any]) -> str:
    """All of an answer but what differs from request to request anyway."""
    lasting = sorted((name, value) for name, value in headers.items() if name.lower() not in VARYING_HEADERS)
    content = {name: value for name, value in body.items() if name != "request_id"}
    return json.dumps([status, lasting, content], sort_keys=True)


def outstanding(samples: Samples, call: str) -> dict[str, float]:
    """The kinds whose times are told apart from those of the known account, with p."""
    known = samples.seconds[call, "known"]
    found = {}
    for kind in KINDS[1:]:
        p = float(mannwhitneyu(known, samples.seconds[call, kind]).pvalue)
        if p < THRESHOLD:
            found[kind] = p
    return found


def examine(client: httpx.Client, call: str, requests: int) -> bool:
    """Whether no kind stands out in the call; prints what was seen."""
    samples = Samples(client)
    samples.take(call, 10)  # warm
    samples = Samples(client)
    samples.take(call, requests)
    suspects = once = outstanding(samples, call)
    if suspects:
        again = Samples(client)
        again._number = 10 * requests * len(KINDS)
        again.take(call, requests)
        confirmed = outstanding(again, call)
        suspects = {kind: p for kind, p in confirmed.items() if kind in suspects}
    medians = {kind: sorted(samples.seconds[call, kind])[requests // 2] * 1000 for kind in KINDS}
    shown = "  ".join(f"{kind} {median:.2f} ms" for kind, median in medians.items())
    for kind, p in once.items():
        print(f"{'':<20} {kind} looked different in the first run, p = {p:.2g}")  # noqa: T201
    is_same = len(samples.answers[call]) == 1
    print(f"{call:<20} answers {'equal' if is_same else 'DIFFER'}  {shown}", flush=True)  # noqa: T201
    for kind, p in suspects.items():
        print(f"{'':<20} {kind} STANDS OUT in two runs, p = {p:.2g}")  # noqa: T201
    return is_same and not suspects


@contextmanager
def running_auth(*, is_careless: bool) -> Iterator[str]:
    """auth with databases of its own; its URL."""
    pair = servers.Servers(servers.choose_kind())
    with tempfile.TemporaryDirectory() as folder:
        try:
            url = pair.postgres.create_database("auth_enumeration")
            settings = AuthSettings(
                jwt_secret_key=SECRET,
                secret_key=OWN_SECRET,
                redis_url=pair.redis.url(),
                public_url="http://127.0.0.1",
                database_url=url,
                password_hash_memory_kib=HASH_MEMORY_KIB,
                password_hash_iterations=1,
            )
            make_accounts(settings)
            environ = environment(
                database_url=url,
                redis_url=pair.redis.url(),
                AUTH_FREE_FAILED_SIGN_INS="1000",
                AUTH_PASSWORD_HASH_MEMORY_KIB=str(HASH_MEMORY_KIB),
                AUTH_FAILED_SIGN_IN_SECONDS="0.06",
            )
            name = (
                "tests.auth.enumeration:app_without_dummy_hash"
                if is_careless
                else "services.auth.app:create_app"
            )
            with serving(environ, Path(folder) / "auth.log", workers=1, app=f"{name}()") as address:
                yield address
        finally:
            pair.close()


def main() -> int:
    """Examine every call; 1 where something stands out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="for each call and kind")
    parser.add_argument("--calls", nargs="*", default=list(CALLS), choices=list(CALLS))
    parser.add_argument("--without-dummy-hash", action="store_true")
    options = parser.parse_args()
    with (
        running_auth(is_careless=options.without_dummy_hash) as url,
        httpx.Client(base_url=f"{url}/api/v1/auth/", timeout=30) as client,
    ):
        results = [examine(client, call, options.requests) for call in options.calls]
    print("nobody stands out" if all(results) else "SOMEBODY STANDS OUT")  # noqa: T201
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

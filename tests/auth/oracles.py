"""Does any sequence of calls tell whether an address is registered? `python -m tests.auth.oracles`

Makes every pair of calls that name an address, and every triple that begins with a registration: once about
an address that has an account, once about one that nobody has. It compares status, headers and body of each
answer, and what arrives in the mailbox of whoever asks, who has an account too. Prints each sequence whose
two transcripts differ, and exits 1 where there is one.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import psycopg
import time_machine
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.engine import make_url

from services.auth.app import create_app
from services.auth.models import db
from services.auth.settings import AuthSettings
from shared.chassis.clock import utcnow
from shared.chassis.ids import new_id
from shared.chassis.testing import servers
from shared.chassis.testing.databases import ServiceDatabase
from shared.chassis.testing.tokens import OWN_SECRET, SECRET
from tests.auth.conftest import AUTH, PASSWORD, Mailbox

OWNERS_PASSWORD_HASH = PasswordHasher(1, 1024, 1).hash("what-only-the-owner-knows-71")
EVES_PASSWORD_HASH = PasswordHasher(1, 1024, 1).hash(PASSWORD)
NEXT = "quiet-meadow-41-lantern"
NOBODYS_ID = "01990000-0000-7000-8000-000000000000"
VARYING_HEADERS = {"date", "x-request-id"}
VARYING_VARIABLES = {"code", "link"}
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """A call that names the address: where it goes, and what it says beside the address."""

    path: str
    address_as: str | None = "email"
    body: Mapping[str, str] = field(default_factory=dict)
    key: str | None = None  # an Idempotency-Key
    is_signed_in: bool = False


CODE = {"code": "000000"}
CALLS: dict[str, Call] = {
    "register": Call("register", body={"password": PASSWORD, "name": "Eve"}),
    "register with a key": Call("register", body={"password": PASSWORD}, key="one-and-the-same-key"),
    "register with another password": Call("register", body={"password": NEXT}),
    "sign in": Call("login", body={"password": PASSWORD}),
    "sign in with another password": Call("login", body={"password": NEXT}),
    "sign in for an organization": Call("login", body={"password": PASSWORD, "organization_id": NOBODYS_ID}),
    "ask for a reset": Call("password/forgot"),
    "reset by a guess": Call("password/reset", body={**CODE, "password": NEXT}),
    "ask for a code": Call("email-code"),
    "sign in by a guess": Call("email-code/verify", body=CODE),
    "ask for another verification": Call("verify-email/resend"),
    "verify by a guess": Call("verify-email", body=CODE),
    "move to the address": Call("email/change", "new_email", {"password": PASSWORD}, is_signed_in=True),
    "confirm the move by a guess": Call("email/change/confirm", None, CODE, is_signed_in=True),
    "confirm the move by a guessed link": Call(
        "email/change/confirm", None, {"token": "x" * 43, "password": PASSWORD}
    ),
    "undo a move by a guess": Call("email/change/undo", None, {"token": "x" * 43}),
}
# Calls that anybody may make and that no sequence needs, with the reason.
LEFT_OUT: dict[str, str] = {
    "refresh": "takes a refresh token, which only a sign-in gives",
    "logout": "takes a token, and answers 204 whatever it is",
    "revoke": "takes a token, and answers 200 whatever it is",
    "mfa/verify": "takes the ticket of a sign-in whose password was right",
    "passkeys/login/options": "answers the same to everybody",
    "passkeys/login": "takes what an authenticator signed",
    "settings": "answers the same to everybody",
    "/.well-known/jwks.json": "answers the same to everybody",
    "/.well-known/oauth-authorization-server": "answers the same to everybody",
}
FIRST = "register"


def all_sequences() -> list[Steps]:
    """Every pair, and every triple that begins with a registration."""
    pairs = list(product(CALLS, repeat=2))
    return pairs + [(FIRST, *pair) for pair in pairs]


class Search:
    """Makes sequences of calls twice, and compares what whoever asks gets to see."""

    def __init__(self, app: Flask, database_url: str) -> None:
        self._app = app
        self._mailbox = Mailbox(app)
        address = make_url(database_url).set(drivername="postgresql")
        self._url = address.render_as_string(hide_password=False)
        self._number = 0

    def differences(self, sequence: Steps) -> list[tuple[Any, Any]]:
        """What differs between an address that has an account and one that nobody has."""
        known = self._transcript(sequence, is_known=True)
        unknown = self._transcript(sequence, is_known=False)
        return [pair for pair in zip(known, unknown, strict=True) if pair[0] != pair[1]]

    def _transcript(self, sequence: Steps, *, is_known: bool) -> list[str]:
        self._number += 1
        address, eve = f"ada{self._number:06}@example.org", f"eve{self._number:06}@example.org"
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("DELETE FROM outbox")
            connection.execute("DELETE FROM idempotency_keys")
            _add_account(connection, eve, EVES_PASSWORD_HASH)
            if is_known:
                _add_account(connection, address, OWNERS_PASSWORD_HASH)
        with time_machine.travel(utcnow(), tick=False):
            asker = Asker(self._app.test_client(), eve)
            seen = [asker.make(CALLS[name], address) for name in sequence]
            seen.append(self._mail_to(eve))
        return [text.replace(address, "<address>").replace(eve, "<eve>") for text in seen]

    def _mail_to(self, email: str) -> str:
        mails = [mail for mail in self._mailbox.messages() if mail["to_email"] == email]
        for mail in mails:
            lasting = {k: v for k, v in mail["variables"].items() if k not in VARYING_VARIABLES}
            mail["variables"] = lasting
        told = [[mail["template"], mail["variables"], mail["locale"]] for mail in mails]
        return "mail to whoever asks: " + json.dumps(sorted(told), sort_keys=True)


class Asker:
    """Somebody with an account, who wants to know who else has one."""

    def __init__(self, client: FlaskClient, email: str) -> None:
        self._client = client
        answer = client.post(f"{AUTH}/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.json
        client.delete_cookie("__Host-doorward-device")
        self._token = answer.json["access_token"]

    def make(self, call: Call, address: str) -> str:
        """Make the call; all of the answer but what differs from request to request anyway."""
        body = {**call.body, **({call.address_as: address} if call.address_as else {})}
        headers = {"Idempotency-Key": call.key} if call.key else {}
        if call.is_signed_in:
            headers["Authorization"] = f"Bearer {self._token}"
        answer = self._client.post(f"{AUTH}/{call.path}", json=body, headers=headers)
        lasting = sorted(
            (name.lower(), value) for name, value in answer.headers if name.lower() not in VARYING_HEADERS
        )
        content = {name: value for name, value in (answer.json or {}).items() if name != "request_id"}
        return json.dumps([call.path, answer.status_code, lasting, content], sort_keys=True)


def _add_account(connection: psycopg.Connection, email: str, password_hash: str) -> None:
    connection.execute(
        "INSERT INTO accounts (id, email, password_hash, verified_at, created_at, updated_at)"
        " VALUES (%(id)s, %(email)s, %(hash)s, %(now)s, %(now)s, %(now)s)",
        {"id": new_id(), "email": email, "hash": password_hash, "now": utcnow()},
    )


@contextmanager
def running_search() -> Iterator[Search]:
    """A search in an auth with servers of its own."""
    pair = servers.Servers(servers.choose_kind())
    try:
        with searching(ServiceDatabase(pair.postgres, "auth_oracles"), pair.redis.url()) as search:
            yield search
    finally:
        pair.close()


@contextmanager
def searching(database: ServiceDatabase, redis_url: str) -> Iterator[Search]:
    """A search in an auth on that database."""
    with app_on(database, redis_url) as app:
        yield Search(app, database.url)


@contextmanager
def app_on(database: ServiceDatabase, redis_url: str) -> Iterator[Flask]:
    """auth on that database, with settings that let one client ask as often as it wants."""
    app = create_app(settings_for(database.url, redis_url))
    database.migrate(app)
    yield app
    with app.app_context():
        db.engine.dispose()


def settings_for(database_url: str, redis_url: str) -> AuthSettings:
    """Settings that let one client ask as often as it wants."""
    return AuthSettings(
        jwt_secret_key=SECRET,
        secret_key=OWN_SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=database_url,
        password_hash_memory_kib=1024,
        password_hash_iterations=1,
        free_failures_per_client=100_000,
        register_limit="1000000 per minute",
        sign_in_limit="1000000 per minute",
        mail_limit="1000000 per minute",
    )


def examine(search: Search, sequences: Sequence[Steps]) -> int:
    """How many of the sequences tell something; prints each of them."""
    telling = 0
    for sequence in sequences:
        differences = search.differences(sequence)
        telling += bool(differences)
        for known, unknown in differences[:1]:
            print(f"{' → '.join(sequence)}\n    known    {known}\n    unknown  {unknown}")  # noqa: T201
    print(f"{telling} of {len(sequences)} sequences tell whether an address is registered")  # noqa: T201
    return telling


if __name__ == "__main__":
    with running_search() as whole:
        sys.exit(1 if examine(whole, all_sequences()) else 0)

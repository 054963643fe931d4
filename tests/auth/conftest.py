"""auth on its real database and Redis; argon2 as small as it goes, so that tests are quick."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.auth.accounts import first_administrator
from services.auth.app import create_app
from services.auth.mail import mail_requests
from services.auth.models import Account, Outbox, db
from services.auth.settings import AuthSettings
from services.auth.tasks import MAIL_REQUESTS
from shared.chassis import service_tokens
from shared.chassis.clock import utcnow
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import OWN_SECRET, SECRET, bearer

AUTH = "/api/v1/auth"
PASSWORD = "plum-harbour-93-kettle"


@dataclass
class Person:
    """Somebody with a client of their own: what they know, and what they hold."""

    client: FlaskClient
    email: str = "ada@example.org"
    password: str = PASSWORD
    pair: dict[str, Any] = field(default_factory=dict)
    recovery_codes: list[str] = field(default_factory=list)

    def post(self, path: str, **body: Any) -> TestResponse:
        """POST without a token."""
        return self.client.post(f"{AUTH}/{path}", json=body)

    def call(self, method: str, path: str, **body: Any) -> TestResponse:
        """Call with the access token."""
        options: dict[str, Any] = {"json": body} if body else {}
        return self.client.open(f"{AUTH}/{path}", method=method, headers=self.headers, **options)

    @property
    def headers(self) -> dict[str, str]:
        """The header that presents the access token."""
        return bearer(self.pair["access_token"])

    def take(self, answer: TestResponse) -> "Person":
        """Keep the pair of an answer."""
        assert answer.status_code == 200, answer.json
        self.pair = answer.json
        return self

    def sign_in(self) -> "Person":
        """Sign in by password."""
        return self.take(self.post("login", email=self.email, password=self.password))

    def refresh(self, token: str | None = None) -> TestResponse:
        """Refresh with the present token, or with another one."""
        return self.post("refresh", refresh_token=token or self.pair["refresh_token"])


class Mailbox:
    """What auth wants mailed: the SendEmail messages of its outbox, after the worker's step."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._sealer = Sealer([SECRET], message_purpose("notifications"))

    def messages(self, name: str = "send_email") -> list[dict[str, Any]]:
        """The bodies of the messages of that name, oldest first."""
        with self._app.app_context():
            while mail_requests.work_off(MAIL_REQUESTS):
                pass
            rows = db.session.scalars(
                db.select(Outbox).where(Outbox.name == name).order_by(Outbox.message_id)
            ).all()
            sealed = [(row.subscriber, row.sealed) for row in rows]
            db.session.rollback()
        return [
            orjson.loads(Sealer([SECRET], message_purpose(subscriber)).open(text))["body"]
            for subscriber, text in sealed
        ]

    def templates(self, email: str | None = None) -> list[str]:
        """Which mails were sent, oldest first."""
        return [mail["template"] for mail in self.messages() if email in {None, mail["to_email"]}]

    def newest(self, template: str, email: str | None = None) -> dict[str, str]:
        """The variables of the newest mail of that template."""
        mails = [mail for mail in self.messages() if mail["template"] == template]
        return [mail["variables"] for mail in mails if email in {None, mail["to_email"]}][-1]

    def code(self, template: str, email: str | None = None) -> str:
        """The code in the newest mail of that template."""
        return self.newest(template, email)["code"]

    def token(self, template: str, email: str | None = None) -> str:
        """The token in the link of the newest mail of that template."""
        return self.newest(template, email)["link"].partition("#token=")[2]


@pytest.fixture
def settings(service_database: ServiceDatabases, redis_url: str) -> AuthSettings:
    return AuthSettings(
        jwt_secret_key=SECRET,
        secret_key=OWN_SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("auth").url,
        database_pool_size=20,
        password_hash_memory_kib=1024,
        password_hash_iterations=1,
        threads=256,
    )


@pytest.fixture
def app(settings: AuthSettings, service_database: ServiceDatabases) -> Iterator[Flask]:
    app = create_app(settings)
    service_database("auth").migrate(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """However slow the machine, no wait of a second is over before the test says so."""
    with time_machine.travel(utcnow(), tick=False):
        yield


@pytest.fixture
def mailbox(app: Flask) -> Mailbox:
    return Mailbox(app)


NewPerson = Callable[..., Person]


@pytest.fixture
def stranger(app: Flask) -> NewPerson:
    """Somebody without an account: ``stranger("eve@example.org")``."""
    return lambda email="ada@example.org": Person(app.test_client(), email)


@pytest.fixture
def new_account(stranger: NewPerson, mailbox: Mailbox) -> NewPerson:
    """Somebody who has registered and verified, and is signed in."""

    def make(email: str = "ada@example.org") -> Person:
        person = stranger(email)
        assert person.post("register", email=email, password=PASSWORD, name="Ada").status_code == 202
        code = mailbox.code("verify_email", email)
        return person.take(person.post("verify-email", email=email, code=code))

    return make


@pytest.fixture
def change_account(app: Flask) -> Callable[..., UUID]:
    """Change an account behind the API's back: ``change_account("ada@example.org", is_active=False)``."""

    def change(email: str, **values: Any) -> UUID:
        with app.app_context():
            statement = db.update(Account).where(Account.email == email).values(**values)
            account_id: UUID = db.session.execute(statement.returning(Account.id)).scalar_one()
            db.session.commit()
        return account_id

    return change


@pytest.fixture
def admin(app: Flask, stranger: NewPerson) -> Person:
    """An administrator, signed in."""
    with app.app_context():
        first_administrator.create_admin(email="root@example.org", password=PASSWORD)
    return stranger("root@example.org").sign_in()


@pytest.fixture
def internal_headers(settings: AuthSettings) -> dict[str, str]:
    """The headers of another service of Doorward."""
    return bearer(service_tokens.issue(settings, process="users"))

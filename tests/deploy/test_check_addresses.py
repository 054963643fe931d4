"""`doorward check-addresses`: rows in a form of before are listed, and repaired where that harms nobody."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from deploy.cli import doorward
from services.auth.app import create_app
from services.auth.models import Account, db
from services.auth.settings import AuthSettings
from shared.chassis import stored_addresses
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import OWN_SECRET, SECRET

Command = Callable[..., Result]
RIGHT = ["ada@example.org", "bob@app.test", "eve@xn--bcher-kva.de", "'x@example.org"]
REPAIRABLE = {"mia@bücher.de": "mia@xn--bcher-kva.de", "Old@example.org": "old@example.org"}
LEFT = {"eve@bücher.de": "eve@xn--bcher-kva.de", "jürgen@example.org": None}


@pytest.fixture
def app(service_database: ServiceDatabases, redis_url: str) -> Iterator[Flask]:
    settings = AuthSettings(
        jwt_secret_key=SECRET,
        secret_key=OWN_SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("auth").url,
    )
    app = create_app(settings)
    service_database("auth").migrate(app)
    now = utcnow()
    with app.app_context(), transaction(db) as session:
        for email in [*RIGHT, *REPAIRABLE, *LEFT]:
            session.add(Account(id=new_id(), email=email, created_at=now, updated_at=now))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def command(app: Flask, redis_url: str, service_database: ServiceDatabases) -> Command:
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "AUTH_SECRET_KEY": OWN_SECRET,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "AUTH_DATABASE_URL": service_database("auth").url,
    }
    return lambda *options: CliRunner(env=environment).invoke(doorward, ["check-addresses", "auth", *options])


def stored(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(db.select(Account.email)))


def test_report_names_each_row_in_another_form_and_changes_none(command: Command, app: Flask) -> None:
    before = stored(app)

    outcome = command()

    assert outcome.exit_code == 1
    assert outcome.output.endswith("auth: 4 addresses in an old format, 4 not changed\n")
    for email, right in {**REPAIRABLE, **LEFT}.items():
        assert f"{email!r} {f'should be {right!r}' if right else 'is no valid'}" in outcome.output
    assert not any(repr(email) in outcome.output.replace("should be", "\n") for email in RIGHT[:2])
    assert stored(app) == before


def test_repair_writes_what_belongs_to_nobody_else(command: Command, app: Flask) -> None:
    outcome = command("--repair")

    assert outcome.exit_code == 1
    assert outcome.output.endswith("auth: 4 addresses in an old format, 2 not changed\n")
    assert stored(app) == {*RIGHT, *REPAIRABLE.values(), *LEFT}


def test_nothing_to_report_is_a_success(command: Command, app: Flask) -> None:
    with app.app_context(), transaction(db) as session:
        session.execute(db.delete(Account).where(Account.email.in_([*REPAIRABLE, *LEFT])))

    assert command().exit_code == 0


def test_every_row_is_looked_at(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_addresses, "BATCH", 2)

    with app.app_context():
        found = {finding.stored for finding in stored_addresses.find(db, [("accounts", "email")])}

    assert found == {*REPAIRABLE, *LEFT}

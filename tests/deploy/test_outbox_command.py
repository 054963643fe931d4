"""`doorward outbox` on a migrated database: what a service has given up is shown, sent again, deleted."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from deploy.cli import doorward
from services.users.app import create_app
from services.users.extensions import messages
from services.users.models import Outbox, db
from services.users.settings import UsersSettings
from shared.chassis import tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import SECRET
from shared.contracts.messages import ErasureConfirmed

Command = Callable[..., Result]


@pytest.fixture
def app(service_database: ServiceDatabases, redis_url: str) -> Iterator[Flask]:
    settings = UsersSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("users").url,
    )
    app = create_app(settings)
    service_database("users").migrate(app)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def command(app: Flask, redis_url: str, service_database: ServiceDatabases) -> Command:
    """``command("list")``: `doorward outbox list users` with this database's environment."""
    environment = {
        "JWT_SECRET_KEY": SECRET,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": "http://127.0.0.1:8080",
        "USERS_DATABASE_URL": service_database("users").url,
    }

    def run(name: str, *arguments: str) -> Result:
        return CliRunner(env=environment).invoke(doorward, ["outbox", name, "users", *arguments])

    return run


@pytest.fixture
def dead(app: Flask) -> str:
    """The id of a dead message; another message waits beside it."""
    with (
        app.app_context(),
        transaction(db),
        tracing.tracing(tracing.continue_from("request-0123456789", None)),
    ):
        for name in ("editor", "author"):
            messages.send(ErasureConfirmed(account_id=new_id(), service=name, occurred_at=utcnow()))
    with app.app_context(), transaction(db) as session:
        row = session.scalars(db.select(Outbox).order_by(Outbox.message_id)).first()
        assert row is not None
        row.died_at = utcnow() - timedelta(days=1)
        return str(row.message_id)


def dead_rows(app: Flask) -> tuple[int, int]:
    """How many rows there are, and how many of them are dead."""
    with app.app_context():
        rows = db.session.scalars(db.select(Outbox)).all()
        return len(rows), len([row for row in rows if row.died_at is not None])


def test_list_names_the_dead_and_no_other(command: Command, dead: str) -> None:
    shown = command("list").output

    assert dead in shown
    assert shown.endswith("1 dead\n")


def test_show_leads_to_the_request_and_tells_nothing_of_the_content(command: Command, dead: str) -> None:
    shown = command("show", dead).output

    assert "request-0123456789" in shown
    assert "erasure_confirmed" in shown
    assert "editor" not in shown


def test_show_of_an_unknown_message_says_so(command: Command, dead: str) -> None:
    outcome = command("show", str(new_id()))

    assert outcome.exit_code == 1
    assert "has no waiting or dead message" in outcome.output


@pytest.mark.parametrize("is_all", [True, False])
def test_resend_makes_it_wait_again(command: Command, app: Flask, dead: str, is_all: bool) -> None:
    outcome = command("resend", "--all" if is_all else dead)

    assert outcome.output == "Messages to be sent again: 1\n"
    assert dead_rows(app) == (2, 0)


def test_resend_of_nothing_in_particular_is_refused(command: Command, app: Flask, dead: str) -> None:
    assert command("resend").exit_code == 2
    assert dead_rows(app) == (2, 1)


def test_delete_takes_dead_messages_only(command: Command, app: Flask, dead: str) -> None:
    with app.app_context():
        ids = [str(row.message_id) for row in db.session.scalars(db.select(Outbox)).all()]

    outcome = command("delete", *ids)

    assert outcome.output == "1 deleted\n"
    assert dead_rows(app) == (1, 0)

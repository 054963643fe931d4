"""notifications on its real database, broker and mail server."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services.notifications.app import create_app
from services.notifications.deps import deps
from services.notifications.models import db
from services.notifications.settings import NotificationsSettings
from shared.chassis.ids import new_id
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.tokens import SECRET, access_token, bearer
from tests.mailbox_process import HOST, Mailbox, running_mailbox
from tests.notifications.sink import Sink, running_sink

MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def mailbox_process() -> Iterator[Mailbox]:
    with running_mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(mailbox_process: Mailbox) -> Mailbox:
    """The mail server, empty and without faults."""
    mailbox_process.clear()
    return mailbox_process


@pytest.fixture(scope="session")
def sink_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sink]:
    with running_sink(tmp_path_factory.mktemp("sink")) as running:
        yield running


@pytest.fixture
def sink(sink_process: Sink) -> Sink:
    """A mail server that counts, and has counted nothing. It offers no 8BITMIME, and refuses eight bits."""
    sink_process.clear()
    return sink_process


@pytest.fixture
def settings(service_database: ServiceDatabases, redis_url: str, mailbox: Mailbox) -> NotificationsSettings:
    return NotificationsSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=service_database("notifications").url,
        smtp_host=HOST,
        smtp_port=mailbox.smtp_port,
        smtp_security="none",
        smtp_timeout_seconds=2,
        smtp_final_timeout_seconds=2,
        retry_seconds=0.05,
        repeat_seconds=0,
        attempt_lease_seconds=5,
        mail_from="Doorward <no-reply@doorward.test>",
    )


@pytest.fixture
def make_app(service_database: ServiceDatabases) -> Iterator[MakeApp]:
    """``make_app(settings)``: an app on the migrated database, let go of at the end."""
    made: list[Flask] = []

    def make(settings: NotificationsSettings) -> Flask:
        app = create_app(settings)
        made.append(app)
        service_database("notifications").migrate(app)
        return app

    yield make
    for app in made:
        let_go(app)


def let_go(app: Flask) -> None:
    """Close every connection of ``app``."""
    with app.app_context():
        deps().sender.close()
        db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp, settings: NotificationsSettings) -> Flask:
    return make_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def as_sender() -> dict[str, str]:
    """The headers of an API key that may send."""
    return bearer(access_token(new_id(), claims={"scope": "notifications:send"}))


@pytest.fixture
def as_admin() -> dict[str, str]:
    return bearer(access_token(new_id(), roles=("admin",)))


@pytest.fixture
def as_nobody() -> dict[str, str]:
    """The headers of somebody who is signed in and no more."""
    return bearer(access_token(new_id()))

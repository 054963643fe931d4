"""All of Doorward in one process: the services behind the gateway, their workers' work done by hand.

PostgreSQL and Redis are real. The services answer on loopback from threads, the gateway is called over
ASGI, Celery's place is taken by a post that calls the tasks directly, and mails end in a list.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from flask import Flask
from werkzeug.serving import make_server

import services.auth.app
import services.auth.extensions
import services.auth.models
import services.auth.tasks
import services.notifications.app
import services.notifications.extensions
import services.notifications.models
import services.notifications.tasks
import services.users.app
import services.users.extensions
import services.users.models
import services.users.tasks
from gateway.app import create_app as create_gateway
from gateway.settings import GatewaySettings
from services.auth.mail import mail_requests
from services.auth.settings import AuthSettings
from services.notifications.delivery import draining
from services.notifications.deps import Deps as NotificationsDeps
from services.notifications.lanes import LANES
from services.notifications.rendering.rendering import Rendered
from services.notifications.settings import NotificationsSettings
from services.notifications.smtp.conversations import Handover
from services.users.settings import UsersSettings
from shared.chassis.messaging import Courier, relay_outbox
from shared.chassis.settings import ServiceSettings
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import free_port
from shared.chassis.testing.tokens import OWN_SECRET, SECRET

HOST = "127.0.0.1"


@dataclass
class RecordingSender:
    """The mail server as a list."""

    mails: list[tuple[str, Rendered]] = field(default_factory=list)

    def send(self, content: Rendered, *, to_email: str, message_id: str, handover: Handover) -> str:
        """Keep the mail, as a server that always takes it."""
        handover.note("recording")
        self.mails.append((to_email, content))
        return "250 OK"

    def is_available(self) -> bool:
        """Always."""
        return True

    def newest_to(self, email: str) -> Rendered:
        """The last mail to ``email``."""
        return [content for to_email, content in self.mails if to_email == email][-1]

    def subjects_to(self, email: str) -> list[str]:
        """Of all mails to ``email``; those of one occasion come in any order."""
        return [content.subject for to_email, content in self.mails if to_email == email]


class Post:
    """Celery for one process: a task that is sent is done at once, in its own service's app."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[Flask, Callable[..., None]]] = {}
        self.app: Flask

    def task(self, *, name: str) -> Callable[[Callable[..., None]], None]:
        """Register a task of the service whose turn it is."""

        def register(function: Callable[..., None]) -> None:
            self._tasks[name] = (self.app, function)

        return register

    def send_task(self, name: str, *, args: list[Any], **_options: Any) -> None:
        """Do the task."""
        app, function = self._tasks[name]
        with app.app_context():
            function(*args)


@dataclass
class Doorward:
    """The whole, as a test sees it."""

    client: httpx.AsyncClient
    sender: RecordingSender
    work: Callable[[], None]


def serve(app: Flask, port: int) -> Callable[[], None]:
    """Have the app answer on the port; how to stop that, which may be done twice."""
    server = make_server(HOST, port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    return stop


@pytest.fixture
def stop_service() -> dict[str, Callable[[], None]]:
    """``stop_service["auth"]()``: nobody answers at its address any more."""
    return {}


@pytest.fixture
def common(redis_url: str) -> dict[str, Any]:
    """The settings that all processes share."""
    ports = {name: free_port() for name in ("auth", "users", "notifications")}
    urls = {f"{name}_url": f"http://{HOST}:{port}" for name, port in ports.items()}
    return {"jwt_secret_key": SECRET, "redis_url": redis_url, "public_url": "http://testserver", **urls}


SERVICES: dict[str, tuple[Any, Any, type[ServiceSettings], dict[str, Any]]] = {
    "auth": (
        services.auth,
        AuthSettings,
        AuthSettings,
        {"secret_key": OWN_SECRET, "password_hash_memory_kib": 1024},
    ),
    "users": (services.users, UsersSettings, UsersSettings, {"cache_patience_milliseconds": 5000}),
    "notifications": (
        services.notifications,
        NotificationsSettings,
        NotificationsSettings,
        {"smtp_host": HOST, "mail_from": "no-reply@doorward.test"},
    ),
}


@pytest.fixture
def avatar_folder(tmp_path: Path) -> Path:
    """Where users has its pictures."""
    return tmp_path / "pictures"


@pytest.fixture
def doorward_apps(
    common: dict[str, Any],
    service_database: ServiceDatabases,
    avatar_folder: Path,
    stop_service: dict[str, Callable[[], None]],
) -> Iterator[tuple[dict[str, Flask], RecordingSender]]:
    sender = RecordingSender()
    apps: dict[str, Flask] = {}
    with ExitStack() as stack:
        for name, (package, settings_class, _, extra) in SERVICES.items():
            database = service_database(name)
            own = extra | ({"avatar_folder": avatar_folder} if name == "users" else {})
            settings = settings_class(**common, **own, database_url=database.url)
            options = {"deps": recording(settings, sender)} if name == "notifications" else {}
            app = apps[name] = package.app.create_app(settings, **options)
            database.migrate(app)
            stack.callback(dispose, app, package.models.db)
            stop_service[name] = serve(app, int(common[f"{name}_url"].rpartition(":")[2]))
            stack.callback(stop_service[name])
        yield apps, sender


def recording(settings: NotificationsSettings, sender: RecordingSender) -> NotificationsDeps:
    return replace(NotificationsDeps.from_settings(settings), sender=sender)  # type: ignore[arg-type]


def dispose(app: Flask, db: Any) -> None:
    with app.app_context():
        db.engine.dispose()


def post_between(apps: dict[str, Flask]) -> Post:
    """A post that knows the tasks of all services."""
    post = Post()
    for name, app in apps.items():
        package = SERVICES[name][0]
        post.app = app
        courier = Courier(
            post,  # type: ignore[arg-type]
            package.models.db,
            service=name,
            secrets=[SECRET],
            outbox=package.extensions.messages,
            inbox_model=package.models.Inbox,
        )
        courier.register(package.tasks.HANDLERS)
    return post


def worker_of_all(apps: dict[str, Flask]) -> Callable[[], None]:
    """What all workers do, until there is nothing left to do."""
    post, auth_tasks = post_between(apps), services.auth.tasks

    def work() -> None:
        moved = 1
        while moved:
            with apps["auth"].app_context():
                moved = mail_requests.work_off(auth_tasks.MAIL_REQUESTS)
            for name, app in apps.items():
                with app.app_context():
                    moved += relay_outbox(post, SERVICES[name][0].extensions.messages)  # type: ignore[arg-type]
            with apps["notifications"].app_context():
                moved += sum(map(draining.drain_all, LANES))

    return work


@pytest_asyncio.fixture
async def doorward(
    common: dict[str, Any], doorward_apps: tuple[dict[str, Flask], RecordingSender]
) -> AsyncIterator[Doorward]:
    apps, sender = doorward_apps
    settings = GatewaySettings(**common, session_secret_key="s" * 40, allowed_hosts=["testserver"])
    gateway = create_gateway(settings)
    transport = httpx.ASGITransport(app=gateway)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Doorward(client, sender, worker_of_all(apps))
    for stop in reversed(gateway.on_stop):
        await stop()

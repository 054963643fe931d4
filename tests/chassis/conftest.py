"""A miniature service on the chassis: its own tables, a route of each access, real servers behind it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from shared.chassis import access, access_tokens, database, idempotency, inbox, outbox
from shared.chassis.access_tokens import published_keys
from shared.chassis.app import new_app
from shared.chassis.openapi import Blueprint, new_api
from shared.chassis.schemas import Schema, Text
from shared.chassis.settings import ServiceSettings
from shared.chassis.testing.clients import PostgresServer
from shared.chassis.testing.tokens import SECRET
from shared.contracts import queues
from shared.contracts.messages import AccountRegistered

if TYPE_CHECKING:
    from sqlalchemy.orm import DeclarativeBase as Model


@dataclass
class Mini:
    """The miniature service and its parts."""

    app: Flask
    db: SQLAlchemy
    settings: ServiceSettings
    outbox: outbox.Outbox
    outbox_model: type[outbox.OutboxMixin]
    inbox_model: type[inbox.InboxMixin]
    heard_model: type[Any]

    def heard(self) -> list[str]:
        """Whom its worker has heard of."""
        with self.app.app_context():
            return sorted(self.db.session.scalars(select(self.heard_model.email)).all())

    def waiting(self) -> int:
        """How many messages no subscriber has acknowledged."""
        with self.app.app_context():
            return len(self.db.session.scalars(select(self.outbox_model)).all())


class HeardMixin:
    """What the worker's handler leaves behind; no key on purpose, so that a second time would show."""

    __tablename__ = "heard"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    request_id: Mapped[str | None]


def settings_for(database_url: str, redis_url: str) -> ServiceSettings:
    return ServiceSettings(
        jwt_secret_key=SECRET,
        redis_url=redis_url,
        public_url="http://127.0.0.1:8080",
        database_url=database_url,
        redelivery_seconds=0.5,
    )


def new_mini(settings: ServiceSettings, *, service: str) -> Mini:
    """A service called ``service``; ``create_all`` makes its tables where they are not there yet."""
    db = database.new_database()
    model: type[Model] = db.Model
    outbox_model = type("Outbox", (outbox.OutboxMixin, model), {})
    inbox_model = type("Inbox", (inbox.InboxMixin, model), {})
    heard_model = type("Heard", (HeardMixin, model), {})
    key_model = type("IdempotencyKey", (idempotency.IdempotencyMixin, model), {})
    messages = outbox.Outbox(db, outbox_model, service=service)
    keys = idempotency.Idempotency(db, key_model)

    app = new_app(__name__, settings, process=service, checks={"database": lambda: database.ping(app, db)})
    database.install(app, db, settings)
    messages.init_app(app, settings)
    keys.init_app(app, settings.accepted_secrets)
    access_tokens.install(app, settings, published_keys(settings, process=service).find)
    new_api(app, title="Mini", blueprints=[mini_blueprint()])
    with app.app_context():
        db.create_all()
    return Mini(app, db, settings, messages, outbox_model, inbox_model, heard_model)


class ThingSchema(Schema):
    name = Text(minimum=1, maximum=50, required=True)


def mini_blueprint() -> Blueprint:
    """One route for each kind of access; making a thing counts how often it was really done."""
    blueprint = Blueprint("mini", __name__)
    made: list[str] = []

    @blueprint.get("/public")
    @access.public
    def anybody():
        return jsonify(ok=True)

    @blueprint.get("/signed-in")
    @access.signed_in
    def somebody():
        return jsonify(account_id=access.caller().account_id)

    @blueprint.get("/admin")
    @access.requires_role("admin")
    def administrator():
        return jsonify(ok=True)

    @blueprint.get("/scoped")
    @access.requires_scope("things:read")
    def scoped():
        return jsonify(ok=True)

    @blueprint.get("/inside")
    @access.internal
    def inside():
        return jsonify(ok=True)

    @blueprint.post("/things")
    @access.public
    @idempotency.idempotent
    @blueprint.arguments(ThingSchema)
    @blueprint.response(201)
    def make(body):
        if body["name"] == "broken":
            raise RuntimeError("the secret cause")
        made.append(body["name"])
        return {"number": len(made)}

    return blueprint


@contextmanager
def closing(mini: Mini) -> Iterator[Mini]:
    """Let go of the database at the end."""
    try:
        yield mini
    finally:
        with mini.app.app_context():
            mini.db.engine.dispose()


@pytest.fixture(autouse=True)
def one_subscriber(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of the miniature services goes to users alone, whoever hears it in the real backend."""
    subscribers = {**queues.SUBSCRIBERS, AccountRegistered: ("users",)}
    monkeypatch.setattr(queues, "SUBSCRIBERS", subscribers)


@pytest.fixture
def mini(postgres_server: PostgresServer, redis_url: str, worker_number: int) -> Iterator[Mini]:
    name = f"mini_{worker_number}"
    url = postgres_server.create_database(name)
    with closing(new_mini(settings_for(url, redis_url), service="auth")) as mini:
        yield mini
    postgres_server.drop_database(name)

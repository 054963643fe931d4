"""Pooled connections: whoever gets one gets one that lives, and a recent one is not asked first."""

from collections.abc import Iterator

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text

from shared.chassis import leases
from shared.chassis.database import new_database, single_statements
from shared.chassis.testing.clients import PostgresServer
from shared.chassis.testing.databases import ServiceDatabases
from shared.chassis.testing.engines import wait_until

ALWAYS, NEVER = 3600.0, -1.0


@pytest.fixture
def url(service_database: ServiceDatabases) -> str:
    return service_database("leases").url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, pool_size=1, max_overflow=0, pool_events=leases.EVENTS)
    yield engine
    engine.dispose()


def use(engine: Engine) -> int:
    """Use the one connection of the pool; the process of the server behind it."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def end(server: PostgresServer, pid: int) -> None:
    with server.connect() as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (pid,))
        query = "SELECT FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: admin.execute(query, (pid,)).fetchone() is None, what="the end of the session")


def last_words(server: PostgresServer, engine: Engine, pid: int) -> str:
    """What was sent last over the connection when it has just been leased."""
    with engine.connect(), server.connect() as admin:
        row = admin.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("trusted", [ALWAYS, NEVER], ids=["recent", "rested"])
def test_ended_session_is_replaced_before_it_is_used(
    postgres_server: PostgresServer, engine: Engine, monkeypatch: pytest.MonkeyPatch, trusted: float
) -> None:
    monkeypatch.setattr(leases, "TRUSTED_SECONDS", trusted)
    pid = use(engine)

    end(postgres_server, pid)

    assert use(engine) not in {pid, 0}


def test_recent_connection_is_not_asked_whether_it_lives_and_a_rested_one_is(
    postgres_server: PostgresServer, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "TRUSTED_SECONDS", ALWAYS)
    pid = use(engine)

    recent = last_words(postgres_server, engine, pid)
    monkeypatch.setattr(leases, "TRUSTED_SECONDS", NEVER)
    rested = last_words(postgres_server, engine, pid)

    assert (recent, rested) == ("ROLLBACK", "SELECT 1")


def test_single_statement_commits_by_itself(url: str, service_database: ServiceDatabases) -> None:
    app, db = Flask("leases"), new_database()
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    with app.app_context(), psycopg.connect(service_database("leases").url) as other:
        other.execute("CREATE TABLE IF NOT EXISTS note (words text)")
        other.commit()

        with single_statements(db) as session:
            session.execute(text("INSERT INTO note VALUES ('kept')"))
            found = other.execute("SELECT words FROM note").fetchall()

        other.execute("DROP TABLE note")
        other.commit()
        db.engine.dispose()
    assert found == [("kept",)]

"""The servers that the tests run on do what the fixtures promise."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redis
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from shared.chassis.testing.clients import PostgresServer, PrivatePostgres, PrivateRedis
from shared.chassis.testing.databases import ServiceDatabase, ServiceDatabases
from shared.chassis.testing.servers import Servers


@pytest.fixture(scope="session")
def notes_database(
    service_database: ServiceDatabases, tmp_path_factory: pytest.TempPathFactory
) -> ServiceDatabase:
    """A database with one table, made by a migration that is written here."""
    folder = tmp_path_factory.mktemp("notes") / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\n")
    (folder / "env.py").write_text("from shared.chassis import migrations\n\nmigrations.run()\n")
    (folder / "versions" / "1_notes.py").write_text(
        "from alembic import op\nrevision, down_revision = '1', None\n"
        "def upgrade():\n    op.execute('CREATE TABLE note (id serial PRIMARY KEY, words text)')\n"
    )
    database = service_database("notes")
    app = Flask("notes")
    app.config["SQLALCHEMY_DATABASE_URI"] = database.url
    db = SQLAlchemy(app)
    Migrate(app, db, directory=str(folder))
    database.migrate(app)
    with app.app_context():
        db.engine.dispose()
    return database


@pytest.fixture
def notes(notes_database: ServiceDatabase) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the service's own role."""
    with psycopg.connect(notes_database.url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_the_migrated_tables_empty(notes: psycopg.Connection[Any], turn: int) -> None:
    row = notes.execute("INSERT INTO note (words) VALUES ('left behind') RETURNING id").fetchone()

    assert row == (1,)
    assert notes.execute("SELECT count(*) FROM note").fetchone() == (1,)
    assert notes.execute("SELECT version_num FROM alembic_version").fetchone() == ("1",)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_redis_empty(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        before = client.dbsize()
        client.set("left", "behind")

    assert before == 0


def test_a_database_belongs_to_its_own_role(postgres_server: PostgresServer, worker_number: int) -> None:
    name = f"private_{worker_number}"

    with psycopg.connect(postgres_server.create_database(name)) as connection:
        row = connection.execute(
            "SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()

    postgres_server.drop_database(name)
    assert row == (name, False)


def test_a_private_redis_keeps_its_data_and_its_address_over_a_restart(
    private_redis: PrivateRedis,
) -> None:
    with private_redis.client() as client:
        client.set("kept", "yes")

    private_redis.stop()
    was_down = not private_redis.answers()
    private_redis.start()

    with private_redis.client() as client:
        assert was_down
        assert client.get("kept") == b"yes"


def test_a_private_postgres_keeps_its_data_and_its_address_over_a_restart(
    private_postgres: PrivatePostgres,
) -> None:
    url = private_postgres.create_database("kept")

    private_postgres.stop()
    was_down = not private_postgres.answers()
    private_postgres.start()

    with psycopg.connect(url) as connection:
        assert was_down
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_paused_redis_does_not_answer_until_it_goes_on(private_redis: PrivateRedis) -> None:
    with redis.Redis.from_url(private_redis.url(), socket_timeout=0.3) as client:
        client.ping()

        private_redis.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        private_redis.unpause()

    assert private_redis.answers()


def test_a_paused_postgres_lets_nobody_in_until_it_goes_on(private_postgres: PrivatePostgres) -> None:
    private_postgres.pause()
    was_frozen = not private_postgres.answers()
    private_postgres.unpause()

    assert was_frozen
    assert private_postgres.answers()


def test_the_run_has_one_pair_of_servers(servers: Servers) -> None:
    assert servers.postgres.address == servers.postgres.address
    assert servers.postgres.answers()
    assert servers.redis.answers()

"""The migrations of every service make the tables of its models, and the newest can be taken back.

What only the release before needs stays until a later one drops it.
"""

from importlib import import_module

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from deploy.processes import PROCESSES, SERVICES
from shared.chassis.testing.clients import PostgresServer
from tests.repository.samples import sample_environment


def app_on(url: str, service: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    environment = sample_environment(service) | {f"{service.upper()}_DATABASE_URL": url}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app: Flask = import_module(PROCESSES[service].app.partition(":")[0]).create_app()
    return app


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_make_the_tables_of_the_models(
    service: str, postgres_server: PostgresServer, worker_number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"migrations_{service}_{worker_number}"
    app = app_on(postgres_server.create_database(name), service, monkeypatch)
    with app.app_context():
        flask_migrate.upgrade()
        flask_migrate.downgrade(revision="-1")
        flask_migrate.upgrade()
        db = app.extensions["migrate"].db

        with db.engine.connect() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), db.metadata)

        db.engine.dispose()
    postgres_server.drop_database(name)
    # PostgreSQL writes an expression in its own words: such an index is told by its name.
    there = {each[1].name for each in differences if each[0] == "remove_index"}
    missing = [
        each
        for each in differences
        if not str(each[0]).startswith("remove_") and not (each[0] == "add_index" and each[1].name in there)
    ]
    assert missing == []

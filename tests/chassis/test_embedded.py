"""PostgreSQL out of its wheel, where the user that it runs as cannot read the environment."""

import os

import pytest

from shared.chassis.testing import embedded
from shared.chassis.testing.clients import PostgresServer


def test_postgresql_starts_where_only_its_owner_reads_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = embedded._unprivileged() or {"user": os.getuid(), "group": os.getgid()}
    monkeypatch.setattr(embedded, "_unprivileged", lambda: identity)
    monkeypatch.setattr(embedded, "_everyone_reads", lambda _path: False)
    engine = embedded.PostgresEngine()
    try:
        engine.start()

        with PostgresServer(engine.address).connect() as connection:
            answer = connection.execute("SELECT 1").fetchone()
    finally:
        engine.close()

    assert answer == (1,)

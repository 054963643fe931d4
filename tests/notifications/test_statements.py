"""The connection whose statements each commit by themselves: kept within a task, then given back."""

from collections.abc import Callable
from typing import LiteralString

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from services.notifications.models import db
from services.notifications.store import statements
from shared.chassis.database import transaction

BACKEND = text("SELECT pg_backend_pid()")
MAKE = text("INSERT INTO topics VALUES ('noted', '{}', false, '[]', now())")
COUNT = text("SELECT count(*) FROM topics")
WAYS: dict[str, Callable[[LiteralString], object]] = {
    "execute": lambda statement: statements.execute(text(statement), {}),
    "count_changed": lambda statement: statements.count_changed(statement, {}),
}
each_way = pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)


def test_what_was_written_stands_whatever_becomes_of_the_transaction_around_it(app: Flask) -> None:
    with app.app_context():
        db.session.execute(COUNT)
        statements.execute(MAKE, {})
        db.session.rollback()

    with app.app_context():
        assert db.session.scalar(COUNT) == 1


def test_one_connection_serves_a_task_and_is_back_in_the_pool_after_it(app: Flask) -> None:
    with app.app_context():
        backends = {statements.execute(BACKEND, {}).scalar_one() for _ in range(3)}
        within = db.engine.pool.checkedout()  # type: ignore[attr-defined]

    with app.app_context():
        assert (len(backends), within, db.engine.pool.checkedout()) == (1, 1, 0)  # type: ignore[attr-defined]


@each_way
def test_connection_that_was_cut_between_two_statements_is_replaced(
    app: Flask, send: Callable[[LiteralString], object]
) -> None:
    with app.app_context():
        backend = statements.execute(BACKEND, {}).scalar_one()
        with transaction(db):
            db.session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})

        send("UPDATE topics SET name = name")

        assert statements.execute(BACKEND, {}).scalar_one() != backend


@each_way
def test_statement_that_cuts_its_own_connection_is_not_repeated_for_ever(
    app: Flask, send: Callable[[LiteralString], object]
) -> None:
    with app.app_context():
        with pytest.raises(OperationalError):
            send("SELECT pg_terminate_backend(pg_backend_pid())")

        assert statements.execute(text("SELECT 1"), {}).scalar_one() == 1


@each_way
def test_connection_goes_back_after_a_mistake(app: Flask, send: Callable[[LiteralString], object]) -> None:
    with app.app_context():
        with pytest.raises(DBAPIError):
            send("SELECT 1 / 0")

        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_rows_that_were_changed_are_counted(app: Flask) -> None:
    with app.app_context():
        statements.execute(MAKE, {})

        changed = [
            statements.count_changed("UPDATE topics SET name = name WHERE name = %(name)s", {"name": name})
            for name in ("noted", "unknown")
        ]

    assert changed == [1, 0]

"""One connection for a task or a step of a relay, on which each statement commits by itself.

A mail costs a note and an end, one statement each. In a session both would take a connection, begin, commit
and give it back, which costs several times what the statement does. The connection is given back with the
app context, and after any error.
"""

from collections.abc import Callable, Mapping
from typing import Any, LiteralString, TypeVar

import psycopg
from flask import Flask, g
from sqlalchemy import Connection, CursorResult, TextClause
from sqlalchemy.exc import DBAPIError, OperationalError

from services.notifications.models import db

_KEY = "notifications_connection"
_Answer = TypeVar("_Answer")


def install(app: Flask) -> None:
    """Give the connection back wherever a context of ``app`` ends."""
    app.teardown_appcontext(_give_back)


def execute(statement: TextClause, values: Mapping[str, Any]) -> CursorResult[Any]:
    """What PostgreSQL answers to ``statement``, which is confirmed by then; raises SQLAlchemyError.

    A connection that was cut since the last statement is replaced, and the statement is sent again: so it
    must do no harm where PostgreSQL had done it already and only the answer was lost.
    """
    return _on_connection(lambda connection: connection.execute(statement, values))


def count_changed(statement: LiteralString, values: Mapping[str, Any]) -> int:
    """How many rows ``statement`` has changed: ``execute`` for what is sent with every mail.

    It goes to the driver as it is, with the driver's placeholders: what SQLAlchemy makes of a statement and
    of its result costs twice what sending it does.
    """
    return _on_connection(lambda connection: _sent_plainly(connection, statement, values))


def _sent_plainly(connection: Connection, statement: LiteralString, values: Mapping[str, Any]) -> int:
    cursor = _cursor(connection)
    try:
        return cursor.execute(statement, values).rowcount
    except psycopg.Error as error:
        is_cut = cursor.connection.closed
        if is_cut:
            connection.invalidate()
        kind = OperationalError if isinstance(error, psycopg.OperationalError) else DBAPIError
        raise kind(
            statement, dict(values), error, hide_parameters=True, connection_invalidated=is_cut
        ) from error


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    """The driver's cursor, kept as long as its connection: to make one costs a third of a statement."""
    kept = connection.info
    if _KEY not in kept:
        driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        kept[_KEY] = driver.cursor()
    cursor: psycopg.Cursor[Any] = kept[_KEY]
    return cursor


def _on_connection(send: Callable[[Connection], _Answer]) -> _Answer:
    is_kept = _KEY in g
    try:
        return send(_connection())
    except BaseException as error:
        _give_back()
        if not (is_kept and isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
    return _on_connection(send)


def _connection() -> Connection:
    if _KEY not in g:
        setattr(g, _KEY, db.engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
    connection: Connection = g.get(_KEY)
    return connection


def _give_back(_error: BaseException | None = None) -> None:
    connection: Connection | None = g.pop(_KEY, None)
    if connection is not None:
        connection.close()

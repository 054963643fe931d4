"""One connection for a task or a step of a relay, on which each statement commits by itself.

A mail costs a note and an end, one statement each. In a session both would take a connection, begin, commit
and give it back, which costs several times what the statement does. The connection is given back with the
app context, and after any error.
"""

from collections.abc import Mapping
from typing import Any

from flask import Flask, g
from sqlalchemy import Connection, CursorResult, TextClause
from sqlalchemy.exc import DBAPIError

from services.notifications.models import db

_KEY = "notifications_connection"


def install(app: Flask) -> None:
    """Give the connection back wherever a context of ``app`` ends."""
    app.teardown_appcontext(_give_back)


def execute(statement: TextClause, values: Mapping[str, Any]) -> CursorResult[Any]:
    """What PostgreSQL answers to ``statement``, which is confirmed by then; raises SQLAlchemyError.

    A connection that was cut since the last statement is replaced, and the statement is sent again: so it
    must do no harm where PostgreSQL had done it already and only the answer was lost.
    """
    is_kept = _KEY in g
    try:
        return _connection().execute(statement, values)
    except BaseException as error:
        _give_back()
        if not (is_kept and isinstance(error, DBAPIError) and error.connection_invalidated):
            raise
    return execute(statement, values)


def _connection() -> Connection:
    if _KEY not in g:
        setattr(g, _KEY, db.engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
    connection: Connection = g.get(_KEY)
    return connection


def _give_back(_error: BaseException | None = None) -> None:
    connection: Connection | None = g.pop(_KEY, None)
    if connection is not None:
        connection.close()

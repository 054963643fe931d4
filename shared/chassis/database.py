"""A service's own PostgreSQL database: engine options, typed models, transactions.

A server that is down or stalls costs a request seconds, never a thread for good, and is answered 503.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from flask import Flask, Response
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import DateTime, Dialect, Engine, MetaData, NullPool, create_engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session, registry, scoped_session
from sqlalchemy.types import TypeDecorator

from shared.chassis import errors, leases
from shared.chassis.settings import ServiceSettings

# Constraints have predictable names, so that a migration can name them again.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
_WHOLE = "doorward_whole"  # in a session's info: the transactions that begin are parts of one
# In UTC: in another zone the last hours of the calendar are in a year that Python has not.
_SERVER_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=30s"
)


class DatabaseUnavailable(errors.Unavailable):
    """PostgreSQL does not answer, or every connection is busy."""

    code = "database_unavailable"
    detail = "The database does not answer; try again shortly."


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: stored as ``timestamptz``, always aware and in UTC in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, which would be read in the server's zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The stored moment in UTC, whatever zone the server speaks."""
        return value.astimezone(UTC) if value is not None else None


def new_database() -> SQLAlchemy:
    """An unbound Flask-SQLAlchemy extension with its own metadata."""

    # Flask-SQLAlchemy copies the base's namespace, which a registry of its own survives.
    own_metadata = MetaData(naming_convention=_NAMES)

    class Base(DeclarativeBase):
        """The root of one service's models."""

        registry = registry(metadata=own_metadata, type_annotation_map={datetime: UtcDateTime})
        metadata = own_metadata

    return SQLAlchemy(model_class=Base)


def engine_options(settings: ServiceSettings) -> dict[str, Any]:
    """Pool and driver options; times in seconds unless named otherwise."""
    return {
        "pool_size": settings.database_pool_size,
        "max_overflow": 0,
        "pool_timeout": 5,
        "pool_events": leases.EVENTS,
        "json_deserializer": orjson.loads,  # of each row of a list, several times
        "pool_recycle": 1800,
        "connect_args": {
            "connect_timeout": 3,
            "tcp_user_timeout": 5000,  # milliseconds: a server that hangs mid-statement is given up
            "options": _SERVER_OPTIONS,
            "application_name": type(settings).__name__.removesuffix("Settings").lower(),
        },
    }


def new_engine_beside(settings: ServiceSettings) -> Engine:
    """A way to the same database past the pool, for what a request that holds a connection may wait for."""
    options = engine_options(settings)["connect_args"]
    return create_engine(settings.sqlalchemy_url, poolclass=NullPool, connect_args=options)


def install(app: Flask, db: SQLAlchemy, settings: ServiceSettings) -> None:
    """Bind ``db`` to ``app`` and answer 503 where the database does not answer."""
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.sqlalchemy_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings),
    )
    db.init_app(app)
    for kind in (OperationalError, InterfaceError, PoolTimeoutError):
        app.register_error_handler(kind, _handle_unavailable)


def _handle_unavailable(error: Exception) -> Response:
    unavailable = DatabaseUnavailable()
    unavailable.__cause__ = error
    return errors.handle_api_error(unavailable)


def ping(app: Flask, db: SQLAlchemy) -> None:
    """Raise where the database does not answer."""
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        db.session.rollback()


@contextmanager
def transaction(db: SQLAlchemy) -> Iterator[scoped_session[Session]]:
    """One unit of work: commits at the end, rolls back on any error.

    Inside ``whole`` it is a part: what it did is kept or undone by itself, and commits with the whole.
    """
    session = cast("scoped_session[Session]", db.session)
    if _WHOLE in session.info:
        with session.begin_nested():
            yield session
        return
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise


@contextmanager
def whole(db: SQLAlchemy) -> Iterator[scoped_session[Session]]:
    """One transaction around several: they are its parts, and nothing is stored unless all of it is."""
    with transaction(db) as session:
        session.info[_WHOLE] = True
        try:
            yield session
        finally:
            session.info.pop(_WHOLE, None)


@contextmanager
def single_statements(db: SQLAlchemy) -> Iterator[scoped_session[Session]]:
    """Work whose statements each stand alone: they commit by themselves, without a BEGIN and a COMMIT.

    Inside ``whole`` they commit with it.
    """
    with transaction(db) as session:
        if _WHOLE not in session.info:
            session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session

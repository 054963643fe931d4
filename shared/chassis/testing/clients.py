"""The two servers as a test uses them: URLs, databases, and for a private one the power switch."""

import secrets
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from shared.chassis.testing.engines import Address, Engine, wait_until

ADMINISTRATOR = "postgres"


class PostgresServer:
    """A PostgreSQL server on which each database belongs to a role of its own, as in production."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def url(
        self, database: str = ADMINISTRATOR, role: str = ADMINISTRATOR, password: str | None = None
    ) -> str:
        """The URL of ``database`` as ``role`` (the administrator, whose password is known, by default)."""
        secret = self.address.password if password is None else password
        credentials = f"{role}:{quote(secret, safe='')}" if secret else role
        return f"postgresql://{credentials}@{self.address.host}:{self.address.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and the role that owns it, both called ``name``; its URL as that role."""
        password = secrets.token_urlsafe(16)
        role = sql.Identifier(name)
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(role))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        return self.url(name, name, password)

    def drop_database(self, name: str) -> None:
        """Remove the database and its role, whoever is still connected."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))

    def connect(self, database: str = ADMINISTRATOR) -> AbstractContextManager[psycopg.Connection[Any]]:
        """The administrator's connection to ``database``, committing each statement."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=3)

    def answers(self) -> bool:
        """Whether a connection can be made now."""
        try:
            with self.connect():
                return True
        except psycopg.OperationalError:
            return False


class RedisServer:
    """A Redis or Valkey server, without a password unless the address names one."""

    def __init__(self, address: Address) -> None:
        self.address = address

    def url(self, number: int = 0) -> str:
        """The URL of the numbered database."""
        credentials = f":{quote(self.address.password, safe='')}@" if self.address.password else ""
        return f"redis://{credentials}{self.address.host}:{self.address.port}/{number}"

    def client(self, number: int = 0) -> redis.Redis:
        """A client that gives up within seconds; close it, or use it in a ``with``."""
        return redis.Redis.from_url(self.url(number), socket_timeout=5, socket_connect_timeout=2)

    def flush(self, number: int = 0) -> None:
        """Forget everything in the numbered database."""
        with self.client(number) as client:
            client.flushdb()

    def answers(self) -> bool:
        """Whether it answers a PING now."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


class Switch:
    """The power switch of a private server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def stop(self) -> None:
        """Stop the server in order."""
        self._engine.stop()

    def start(self) -> None:
        """Start it again on the same port, with what it had stored."""
        self._engine.start()

    def restart(self) -> None:
        """Stop and start."""
        self._engine.stop()
        self._engine.start()

    def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""
        self._engine.pause()

    def unpause(self) -> None:
        """Let it go on."""
        self._engine.unpause()

    def close(self) -> None:
        """Stop it for good."""
        self._engine.close()


class PrivatePostgres(Switch, PostgresServer):
    """A PostgreSQL of one test, which may stop, freeze and restart it."""

    def __init__(self, engine: Engine) -> None:
        Switch.__init__(self, engine)
        PostgresServer.__init__(self, engine.address)
        wait_until(self.answers, what="an answer of PostgreSQL")


class PrivateRedis(Switch, RedisServer):
    """A Redis of one test, which may stop, freeze and restart it."""

    def __init__(self, engine: Engine) -> None:
        Switch.__init__(self, engine)
        RedisServer.__init__(self, engine.address)
        wait_until(self.answers, what="an answer of Redis")

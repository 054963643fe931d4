"""A connection to Redis for each thread, and in which life of Redis it was made: its ``run_id``.

Every start of Redis changes the ``run_id``, and a connection ends with the server that it leads to. So what
comes over a connection was answered in the life that was asked for when it was made.
"""

import re
from collections.abc import Callable
from threading import local
from typing import Any

from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError

_RUN_ID = re.compile(rb"^run_id:([0-9a-f]+)", re.MULTILINE)

Greet = Callable[[AbstractConnection], None]


class UnknownLife(RedisError):
    """Redis did not say in which life it is: nothing of it can be trusted."""


class ThreadConnections:
    """Connections as ``connect`` gives a pool of them. The pool itself takes longer than Redis does."""

    def __init__(self, connect: Callable[[Greet], Redis]) -> None:
        self._pool = connect(self._learn).connection_pool
        self._own = local()
        self._generation = 0

    def ask(self, *command: str) -> tuple[bytes, Any]:
        """In which life Redis answered, and what. A command that reads: it may be sent twice.

        Raises RedisError where Redis does not answer in time.
        """
        own = self._own
        if getattr(own, "generation", None) != self._generation:
            own.generation = self._generation
            own.connection = self._pool.connection_class(**self._pool.connection_kwargs)
            return self._exchange(command)
        try:
            return self._exchange(command)
        except Disconnected:  # most likely long ago, by a Redis that is there again
            return self._exchange(command)

    def forget(self) -> None:
        """Use none of the present connections again: it is not known where they lead by now."""
        self._generation += 1

    def _exchange(self, command: tuple[str, ...]) -> tuple[bytes, Any]:
        """Connects where the connection has ended, and then asks for the life again."""
        connection = self._own.connection
        try:
            connection.send_packed_command([_packed(command)])
            return self._own.life, connection.read_response()
        except BaseException:  # nobody may read the answer as that to his own question
            connection.disconnect()
            raise

    def _learn(self, connection: AbstractConnection) -> None:
        """Greet the server as any connection does, and ask it for its life; raises UnknownLife."""
        connection.on_connect()  # type: ignore[no-untyped-call]
        connection.send_command("INFO", "server")  # type: ignore[no-untyped-call]
        found = _RUN_ID.search(connection.read_response())  # type: ignore[no-untyped-call]
        if found is None:
            raise UnknownLife
        self._own.life = found[1]


def _packed(command: tuple[str, ...]) -> bytes:
    """The command as Redis reads it: an array of strings, each after its length."""
    parts = [part.encode() for part in command]
    return b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))

"""In which life of Redis a connection was made: its ``run_id``, which every start changes.

A connection ends with the server that it leads to. So what comes over it was answered in the life that it was
asked for when it was made.
"""

import re
from weakref import WeakKeyDictionary

from redis.connection import AbstractConnection
from redis.exceptions import RedisError

_RUN_ID = re.compile(rb"^run_id:([0-9a-f]+)", re.MULTILINE)


class UnknownLife(RedisError):
    """Redis did not say in which life it is: nothing of it can be trusted."""


class LivesOfRedis:
    """Of each connection, the life that it leads to."""

    def __init__(self) -> None:
        self._lives: WeakKeyDictionary[AbstractConnection, bytes] = WeakKeyDictionary()

    def learn(self, connection: AbstractConnection) -> None:
        """Greet the server as any connection does, and ask it; raises UnknownLife."""
        connection.on_connect()  # type: ignore[no-untyped-call]
        connection.send_command("INFO", "server")  # type: ignore[no-untyped-call]
        found = _RUN_ID.search(connection.read_response())  # type: ignore[no-untyped-call]
        if found is None:
            raise UnknownLife
        self._lives[connection] = found[1]

    def of(self, connection: AbstractConnection) -> bytes:
        """The life that the connection leads to."""
        return self._lives[connection]

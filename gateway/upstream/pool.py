"""The connections of one worker to one address: kept warm, bounded, dropped before the other side would."""

import asyncio
import socket
import ssl
from collections import deque
from time import monotonic

from gateway.upstream import faults
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.tls import Tls, fault_of

MOST_IDLE = 128
# A service that says how long it keeps a connection measures that from its own last byte.
MARGIN_SECONDS = 1.0


class Pool:
    """Idle connections to ``(host, port)`` of one address, the freshest used first.

    None idles as long as the service keeps it, so that it is this side which lets go first: a request sent
    into a connection that the other side is closing could not be told from a lost one.
    """

    def __init__(self, host: str, port: int, *, tls: Tls | None, idle_seconds: float) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.idle_seconds = idle_seconds
        self._idle: deque[UpstreamConnection] = deque()

    @property
    def idle_count(self) -> int:
        """How many connections wait for use."""
        return len(self._idle)

    def take_idle(self) -> UpstreamConnection | None:
        """A warm connection, if one is fresh enough."""
        if not self._idle:
            return None
        now = monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_closed:
                continue
            if connection.idle_until > now:
                return connection
            connection.abort()
        return None

    def take_silent(self) -> UpstreamConnection | None:
        """As ``take_idle``, for what cannot be sent again: none whose end has arrived a moment ago."""
        while (connection := self.take_idle()) is not None:
            if not connection.has_news():
                return connection
            connection.abort()
        return None

    async def connect(self, timeout_seconds: float) -> UpstreamConnection:
        """A new connection; raises ConnectFault."""
        loop = asyncio.get_running_loop()
        tls = self.tls
        try:
            async with asyncio.timeout(timeout_seconds):
                _, connection = await loop.create_connection(
                    lambda: UpstreamConnection(loop),
                    self.host,
                    self.port,
                    ssl=tls.context if tls else None,
                    server_hostname=tls.server_name if tls else None,
                )
        except TimeoutError as error:
            raise faults.ConnectTimeout(str(error)) from error
        except socket.gaierror as error:
            raise faults.NameFault(str(error)) from error
        except ssl.SSLError as error:
            raise fault_of(error) from error
        except OSError as error:
            raise faults.ConnectFault(str(error)) from error
        return connection

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep ``connection`` for the next request if it can take one, end it if not."""
        incoming = connection.incoming
        seconds = self.idle_time(incoming.kept_seconds)
        if connection.is_closed or incoming.is_last or seconds <= 0 or len(self._idle) >= MOST_IDLE:
            connection.abort()  # as this response ended no other can be told from it, or it is one too many
            return
        connection.idle_until = monotonic() + seconds
        self._idle.append(connection)

    def idle_time(self, kept_seconds: float) -> float:
        """How long a connection may idle that the service keeps for ``kept_seconds``."""
        return min(self.idle_seconds, kept_seconds - MARGIN_SECONDS)

    def sweep(self) -> None:
        """End the connections that have idled too long; called every few seconds."""
        now = monotonic()
        for connection in [one for one in self._idle if one.is_closed or one.idle_until <= now]:
            self._idle.remove(connection)
            connection.abort()

    def close(self) -> None:
        """End all idle connections."""
        while self._idle:
            self._idle.pop().abort()

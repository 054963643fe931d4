"""A link to a server that can be cut: a port that passes bytes on both ways, or is closed."""

import socket
import time
from contextlib import suppress
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

from shared.chassis.testing.engines import free_port

HOST = "127.0.0.1"


class Link:
    """Passes bytes on to the server of ``url``; ``url`` of the link is the same server through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname or HOST, parts.port or 0)
        self._port = free_port()
        self.url = urlunsplit(parts._replace(netloc=f"{HOST}:{self._port}"))
        self._listener: socket.socket | None = None
        self._restored_at = 0.0
        self._open: list[socket.socket] = []
        self.restore()

    @property
    def is_cut(self) -> bool:
        return self._listener is None

    def was_cut_within(self, seconds: float) -> bool:
        return self.is_cut or time.monotonic() < self._restored_at + seconds

    def restore(self) -> None:
        if self._listener is None:
            self._restored_at = time.monotonic()
            self._listener = socket.create_server((HOST, self._port))
            Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def cut(self) -> None:
        """End every connection, and take no new one."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _close(listener)
        for connection in self._open:
            _close(connection)
        self._open = []

    close = cut

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.append(client)
        try:
            server = socket.create_connection(self._server)
        except OSError:
            _close(client)
            return
        self._open.append(server)
        if self._listener is None:  # cut meanwhile
            _close(client)
            _close(server)
            return
        Thread(target=_pass_on, args=[server, client], daemon=True).start()
        _pass_on(client, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            target.sendall(received)
    _close(source)
    _close(target)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        connection.close()

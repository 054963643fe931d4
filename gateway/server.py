"""gunicorn's ASGI worker with what an edge needs beside: connections of its own kind, and a drain.

Set by ``--worker-class gateway.server.GatewayWorker``.
"""

import asyncio
import gc
from typing import Any

from gunicorn.workers import gasgi

from gateway import route_source
from gateway.client_connection import ClientConnection

# Objects that survive their request are few, so the collector may look for cycles more rarely.
GC_THRESHOLDS = (20_000, 50, 100)


# The worker makes its connections by this name.
gasgi.ASGIProtocol = ClientConnection


class GatewayWorker(gasgi.ASGIWorker):
    """A worker process of the gateway."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Runs in the master, before the fork."""
        super().__init__(*args, **options)
        self.connections: set[ClientConnection] = set()
        route_source.refresh(self.cfg)
        # A client that leaves takes its request to the upstream with it at once.
        self.cfg.set("asgi_disconnect_grace_period", 0)
        # Which peers to believe is our own setting; gunicorn believes the loopback.
        self.cfg.set("forwarded_allow_ips", "")
        # The parser that the corpus of attacks was played against, whatever else is installed.
        self.cfg.set("http_parser", "python")

    def load_wsgi(self) -> None:
        """Load the application, and keep what belongs to it out of the collector's way."""
        super().load_wsgi()
        self.log._access_log_enabled = False  # the gateway writes its own line for each request
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    async def _shutdown(self) -> None:
        """Stop: those with a request under way get their answer, idle connections are closed."""
        closing = self.loop.create_task(self._close_idle())
        try:
            await super()._shutdown()
        finally:
            closing.cancel()

    async def _close_idle(self) -> None:
        while True:
            for connection in list(self.connections):
                connection.close_if_idle()
            await asyncio.sleep(0.1)

    def handle_exit_signal(self) -> None:
        """SIGTERM: say so in ``/readyz``, and stop taking connections once balancers have seen it."""
        self.asgi.begin_drain()
        self.loop.call_later(self.asgi.drain_seconds, super().handle_exit_signal)

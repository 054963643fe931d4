"""gunicorn's worker for ASGI apps: its documented worker interface, an event loop, and an ordered stop.

Set by ``--worker-class shared.serving.worker.AsgiWorker``. An app may say how it wants to be served
(``serving_options``) and be told that the worker is about to stop (``begin_drain``).
"""

import asyncio
import os
import signal
from typing import Any

from gunicorn.workers.base import Worker

from shared.serving import termination, tls
from shared.serving.lifespan import Lifespan
from shared.serving.options import Options
from shared.serving.server import Server

HEARTBEAT_SECONDS = 1.0
# The master kills what is left after ``graceful_timeout``: the last connections are ended so much earlier,
# and the app has so long to shut down.
RESERVE_SECONDS = 4.0
SHUTDOWN_SECONDS = 3.0


class AsgiWorker(Worker):
    """A worker process."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Runs in the master, before the fork."""
        super().__init__(*args, **options)
        termination.hold()
        tls.refresh(self.cfg.certfile, self.cfg.keyfile, self.log)
        self.alive: bool
        self.loop: asyncio.AbstractEventLoop
        self.server: Server
        self.lifespan: Lifespan
        self._is_told: asyncio.Event
        self._is_hurried = False

    # -- what gunicorn calls

    def init_process(self) -> None:
        """Have a loop before the signals need one."""
        self.loop = new_loop()
        asyncio.set_event_loop(self.loop)
        self._is_told = asyncio.Event()
        super().init_process()

    def init_signals(self) -> None:
        """Hear signals on the loop."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        for number, handle in (
            (signal.SIGTERM, self._handle_stop),
            (signal.SIGINT, self._handle_quit),
            (signal.SIGQUIT, self._handle_quit),
            (signal.SIGUSR1, self.log.reopen_files),
            (signal.SIGWINCH, _ignore),
        ):
            self.loop.add_signal_handler(number, handle)
        signal.signal(signal.SIGABRT, self.handle_abort)

    def load_wsgi(self) -> None:
        """Load the app and start it: what fails here ends the start of the server."""
        super().load_wsgi()
        self.wsgi: Any = self.asgi_of(self.wsgi)
        options = getattr(self.wsgi, "serving_options", None) or Options(
            keep_alive_seconds=float(self.cfg.keepalive), most_connections=self.cfg.worker_connections
        )
        self.server = Server(self.wsgi, options, self.log, self.loop)
        self.lifespan = Lifespan(self.wsgi, self.log)
        self.loop.run_until_complete(self.lifespan.start())

    def asgi_of(self, app: Any) -> Any:
        """What is served of the app that gunicorn has loaded."""
        return app

    def run(self) -> None:
        """Serve until told to stop."""
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    # -- the life of the worker

    async def _serve(self) -> None:
        termination.release()  # uvloop hears signals only while it runs
        await self.server.listen(self.sockets, tls.context(self.cfg.certfile), backlog=self.cfg.backlog)
        beating = self.loop.create_task(self._beat())
        try:
            await self._is_told.wait()
            began = self.loop.time()
            if not self._is_hurried:
                await self._drain()
            self.server.stop_listening()
            left = self.cfg.graceful_timeout - RESERVE_SECONDS - (self.loop.time() - began)
            await self.server.finish(0.0 if self._is_hurried else max(0.0, left))
            await self.lifespan.stop(SHUTDOWN_SECONDS)
        finally:
            beating.cancel()

    async def _drain(self) -> None:
        """Say that this worker is about to stop, and go on until balancers have seen it."""
        begin_drain = getattr(self.wsgi, "begin_drain", None)
        if begin_drain is not None and self.alive:
            begin_drain()
            await asyncio.sleep(self.server.options.drain_seconds)
        self.alive = False

    async def _beat(self) -> None:
        """Tell the master that the loop goes round, to the end; notice when there is no master any more."""
        while True:
            self.notify()
            if self.ppid != os.getppid():
                self.log.info("Parent changed, shutting down: %s", self)
                self._is_told.set()
            if self.server.requests >= self.max_requests:
                self._is_told.set()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    def _handle_stop(self) -> None:
        """SIGTERM: in order."""
        self._is_told.set()

    def _handle_quit(self) -> None:
        """SIGINT, SIGQUIT: at once."""
        self._is_hurried = True
        self.alive = False
        self.cfg.worker_int(self)
        self._is_told.set()


def new_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _ignore() -> None:
    """SIGWINCH is the master's."""

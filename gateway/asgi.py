"""Flask beside an event loop: an app that is told of the worker's start and end, and awaits its views there.

Async views and hooks are awaited on the worker's loop, where the connection pools live, whatever thread Flask
runs in (``async_to_sync`` is Flask's documented door for this).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, TypeVar

from shared.chassis.app import DoorwardFlask
from shared.chassis.logs import get_logger
from shared.serving.messages import Receive, Send

T = TypeVar("T")
log = get_logger(__name__)


class AsgiFlask(DoorwardFlask):
    """A Flask app that starts and stops with a worker."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        self.on_stop: list[Callable[[], Awaitable[None]]] = []
        self._start: asyncio.Task[None] | None = None
        self.is_started = False

    def async_to_sync(self, func: Callable[..., Coroutine[Any, Any, T]]) -> Callable[..., T]:
        """``func`` for the thread of a view or hook: it runs on the loop, with the thread's contexts."""

        @wraps(func)
        def run(*args: Any, **options: Any) -> T:
            return self.on_loop(func(*args, **options))

        return run

    def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, awaited on the worker's loop; for a thread that is not the loop's."""
        if self._start is None:
            return asyncio.run(work)  # served as WSGI
        return asyncio.run_coroutine_threadsafe(work, self._start.get_loop()).result()

    async def live(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.started()
                except Exception as error:
                    log.exception("start_failed")
                    await send({"type": "lifespan.startup.failed", "message": repr(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stopped()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def started(self) -> None:
        """Run what must run on the loop before the first request, once."""
        if self._start is None:
            self._start = asyncio.ensure_future(self._run_start_hooks())
        await asyncio.shield(self._start)
        self.is_started = True

    async def _run_start_hooks(self) -> None:
        for start in self.on_start:
            await start()

    async def stopped(self) -> None:
        """Undo ``started``, in the opposite order; a request that comes later starts nothing again."""
        for stop in reversed(self.on_stop):
            await stop()

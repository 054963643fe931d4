"""ASGI's lifespan: the app is told of the start and of the end of its worker."""

import asyncio
from typing import Any

from shared.serving.messages import App, Message


class StartFailed(Exception):
    """The app cannot serve."""


class Lifespan:
    """One app's start and end."""

    def __init__(self, app: App, log: Any) -> None:
        self._app = app
        self._log = log
        self.state: dict[str, Any] = {}
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._answers: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once the app is ready; raises StartFailed. An app without a lifespan is ready at once."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] != "lifespan.startup.complete":
            raise StartFailed(answer.get("message", answer["type"]))

    async def stop(self, seconds: float) -> None:
        """Tell the app to end, and wait so long for it."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._ask("lifespan.shutdown")
        except TimeoutError:
            self._log.error("The application did not shut down within %.1f seconds", seconds)
            return
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            self._log.error("The application failed to shut down: %s", answer.get("message", ""))

    async def _ask(self, message: str) -> Message | None:
        """The app's answer; None where it has no lifespan, or it is over."""
        if self._task is None or self._task.done():
            return None
        await self._told.put({"type": message})
        answer = asyncio.ensure_future(self._answers.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and self._answers.empty():
            answer.cancel()
            return None
        return await answer

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._told.get, self._answers.put)
        except asyncio.CancelledError:
            raise
        except BaseException:
            # ASGI: an app that raises here has no lifespan.
            self._log.debug("The application has no lifespan", exc_info=True)

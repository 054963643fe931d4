"""One request of a WSGI app on its way between the loop and the threads.

An answer that is made at once takes one trip to a thread: view, body and close. A stream takes one for each
64 KiB, when its client has room for them; its pieces go out as they are made.
"""

import asyncio
import contextvars
from collections.abc import Callable

from shared.serving.threads import Threads
from shared.serving.waiting import Waiting
from shared.serving.wsgi_answer import Start, WsgiAnswer

OnEnd = Callable[[WsgiAnswer], None]


class Call(Waiting):
    """One request. ``on_end`` is called in a thread when all is over, whatever became of it."""

    __slots__ = (
        "_answer",
        "_arrived",
        "_context",
        "_error",
        "_is_away",
        "_is_left",
        "_on_end",
        "_threads",
    )

    def __init__(self, answer: WsgiAnswer, threads: Threads, on_end: OnEnd) -> None:
        super().__init__(asyncio.get_running_loop())
        self._answer = answer
        self._threads = threads
        self._on_end = on_end
        self._context = contextvars.copy_context()
        self._arrived: list[bytes] = []
        self._error: BaseException | None = None
        self._is_away = False  # a thread is at work for it
        self._is_left = False  # nobody waits for it, or there is nothing to wait for

    # -- on the loop

    async def begin(self) -> Start:
        """Call the app."""
        self._send_out(self._begin)
        while self._is_away:
            await self.wait()
        if self._error is not None:
            raise self._error
        return self._answer.start

    async def next_part(self) -> tuple[bytes, bool]:
        """What comes next, and whether it is the last."""
        if not (self._arrived or self._is_away or self._is_left):
            self._send_out(self._produce)
        while self._is_away and not self._arrived:
            await self.wait()
        if self._error is not None and not self._arrived:
            raise self._error
        part = b"".join(self._arrived)
        self._arrived.clear()
        return part, not self._is_away and self._answer.is_over

    def leave(self) -> None:
        """Nothing more of it is wanted: close it, unless that is done, once no thread is at work for it."""
        if not self._is_left:
            self._is_left = True
            if not self._is_away:
                self._threads.submit(self._end)

    def _send_out(self, job: Callable[[], None]) -> None:
        self._is_away = True
        self._threads.submit(job)

    def _arrive(self, piece: bytes) -> None:
        self._arrived.append(piece)
        self.wake()

    def _settle(self, error: BaseException | None, is_over: bool) -> None:
        self._is_away = False
        self._error = error
        if is_over:
            self._is_left = True
        elif self._is_left:
            self._threads.submit(self._end)
        self.wake()

    # -- in a thread

    def _begin(self) -> None:
        self._run(self._answer.begin)

    def _produce(self) -> None:
        self._run(self._answer.produce, self._emit)

    def _emit(self, piece: bytes) -> bool:
        self.loop.call_soon_threadsafe(self._arrive, piece)
        return not self._is_left

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        error = None
        try:
            self._context.run(work, *arguments)
        except BaseException as raised:
            error = raised
        is_over = error is not None or self._answer.is_over
        try:
            self.loop.call_soon_threadsafe(self._settle, error, is_over)
        except RuntimeError:  # the loop has ended, and with it whoever waited
            is_over = True
        if is_over:
            self._end()

    def _end(self) -> None:
        try:
            self._context.run(self._answer.close)
        finally:
            self._on_end(self._answer)

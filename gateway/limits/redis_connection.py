"""One pipelined connection to Redis: what is asked within one turn of the loop leaves in one write.

A general client takes and gives back a connection for each call, and waits for it alone; that would cost
more than all else that the gateway does with a request. This one speaks just enough RESP for a script.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from gateway.limits.resp import ErrorReply, Part, Reply, encoded, parse

SECOND_LOOK_SECONDS = 0.002


class LinkDown(Exception):
    """Redis does not answer, or not in time."""


class RedisConnection(asyncio.Protocol):
    """Sends commands, hands out futures for their answers; ``on_trouble`` hears when it is late or lost."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_trouble: Callable[[], None]) -> None:
        self._loop = loop
        self._on_trouble = on_trouble
        self._waiting: deque[_Asked] = deque()
        self._outgoing: list[bytes] = []
        self._buffer = b""
        self._transport: asyncio.Transport
        self._is_late = False
        self._is_lost = False

    @property
    def is_prompt(self) -> bool:
        """Whether an answer can be expected in time."""
        return not (self._is_late or self._is_lost)

    async def greet(self, commands: Sequence[Sequence[Part]]) -> None:
        """Say what a new connection has to; raises LinkDown."""
        for answer in [self._ask(command) for command in commands]:
            await answer.future

    def call(
        self, command: Sequence[Part], *, patience_seconds: float, if_late: Callable[[Reply], None] | None
    ) -> asyncio.Future[Reply]:
        """The future answer to ``command``; fails with LinkDown when the patience is over."""
        asked = self._ask(command)
        asked.if_late = if_late
        first_look = max(0.0, patience_seconds - SECOND_LOOK_SECONDS)
        timer = self._loop.call_later(first_look, self._look_again, asked)
        asked.future.add_done_callback(lambda _: timer.cancel())
        return asked.future

    def abort(self) -> None:
        """End the connection; who waits hears LinkDown."""
        self._is_lost = True
        if hasattr(self, "_transport"):
            self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        for asked in waiting:
            asked.fail("the connection to Redis was lost")

    def _ask(self, command: Sequence[Part]) -> "_Asked":
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(encoded(command))
        asked = _Asked(self._loop.create_future())
        self._waiting.append(asked)
        return asked

    def _flush(self) -> None:
        if not self._is_lost:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _look_again(self, asked: "_Asked") -> None:
        # A busy loop runs its timers before it reads its sockets: the answer may be there already.
        if not asked.future.done():
            self._loop.call_later(SECOND_LOOK_SECONDS, self._time_out, asked)

    def _time_out(self, asked: "_Asked") -> None:
        """Stop waiting for this answer, and expect no other until it is there."""
        if not asked.future.done():
            asked.fail("Redis is late")
            self._is_late = True
            self._on_trouble()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        self.abort()
        self._on_trouble()

    def data_received(self, data: bytes) -> None:
        """Take bytes of answers."""
        data = self._buffer + data
        position = 0
        while position < len(data) and self._waiting:
            parsed = parse(data, position)
            if parsed is None:
                break
            answer, position = parsed
            self._waiting.popleft().take(answer)
            self._is_late = False
            if isinstance(answer, ErrorReply):
                # It has forgotten the scripts, or became a replica: a new connection begins from the start.
                self.abort()
                return
        self._buffer = data[position:]


class _Asked:
    """A command that Redis has not answered yet."""

    __slots__ = ("future", "if_late")

    def __init__(self, future: asyncio.Future[Reply]) -> None:
        self.future = future
        self.if_late: Callable[[Reply], None] | None = None

    def take(self, answer: "Reply | ErrorReply") -> None:
        """Hand the answer on."""
        if isinstance(answer, ErrorReply):
            self.fail(answer.text)
        elif not self.future.done():
            self.future.set_result(answer)
        elif self.if_late is not None and not self.future.cancelled():
            self.if_late(answer)

    def fail(self, reason: str) -> None:
        """Say that there will be no answer."""
        if not self.future.done():
            self.future.set_exception(LinkDown(reason))
            self.future.exception()  # nobody may be waiting for it any more

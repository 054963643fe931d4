"""One pipelined connection to Redis: what is asked within one turn of the loop leaves in one write.

A general client takes and gives back a connection for each call, and waits for it alone; that would cost
more than all else that the gateway does with a request. This one speaks just enough RESP for a script.
"""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import unquote, urlsplit

from gateway.limits.resp import ErrorReply, Part, Reply, encoded, parse

DEFAULT_PORT = 6379
SLOWEST_RETRY_SECONDS = 2.0
SECOND_LOOK_SECONDS = 0.002
# A connection on which nothing came for so long is not late but dead.
GIVE_UP_SECONDS = 0.5


class LinkDown(Exception):
    """Redis does not answer, or not in time."""


class RedisLink(asyncio.Protocol):
    """Sends commands and hands out futures for their answers; reconnects by itself."""

    def __init__(self, url: str, *, timeout_seconds: float, scripts: Sequence[str]) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or DEFAULT_PORT)
        self._tls = ssl.create_default_context() if parts.scheme == "rediss" else None
        self._hello = list(_hello(parts.username, parts.password, parts.path)) + [
            ("SCRIPT", "LOAD", script) for script in scripts
        ]
        self._timeout_seconds = timeout_seconds
        self._waiting: deque[_Asked] = deque()
        self._outgoing: list[bytes] = []
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._is_connected = False
        self._is_late = False

    @property
    def is_up(self) -> bool:
        """Whether an answer can be expected in time."""
        return self._is_connected and not self._is_late

    # -- its life

    async def start(self) -> None:
        """Connect, and stay connected from now on; returns after the first try, whatever came of it."""
        self._loop = asyncio.get_running_loop()
        await self._connect()
        self._keeper = self._loop.create_task(self._keep())

    async def stop(self) -> None:
        """End the connection."""
        if self._keeper is not None:
            self._keeper.cancel()
        self._drop()

    async def _keep(self) -> None:
        pause = 0.1
        while True:
            if self._is_connected:
                pause = 0.1
                await self._lost.wait()
            await asyncio.sleep(pause)
            pause = min(pause * 2, SLOWEST_RETRY_SECONDS)
            await self._connect()

    async def _connect(self) -> None:
        self._drop()
        try:
            async with asyncio.timeout(max(0.5, self._timeout_seconds)):
                transport, _ = await self._loop.create_connection(lambda: self, *self._address, ssl=self._tls)
                self._transport = transport
                answers = [self._ask(command) for command in self._hello]
                self._flush()
                for answer in answers:
                    await answer.future
        except (OSError, TimeoutError, LinkDown):
            self._drop()
        else:
            self._is_connected = True
            self._lost.clear()

    def _drop(self) -> None:
        self._is_connected = self._is_late = False
        self._lost.set()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
        self._buffer = b""
        self._outgoing.clear()
        waiting, self._waiting = self._waiting, deque()
        for asked in waiting:
            asked.fail("the connection to Redis was lost")

    # -- commands

    def call(self, *command: Part, if_late: Callable[[Reply], None] | None = None) -> asyncio.Future[Reply]:
        """The future answer to ``command``; fails with LinkDown after the time limit at the latest.

        An answer that comes later is given to ``if_late``: what Redis has done is done.
        """
        if not self.is_up:
            raise LinkDown("Redis is not connected, or late")
        asked = self._ask(command)
        asked.if_late = if_late
        timer = self._loop.call_later(self._timeout_seconds, self._look_again, asked)
        asked.future.add_done_callback(lambda _: timer.cancel())
        return asked.future

    def _ask(self, command: Sequence[Part]) -> "_Asked":
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(encoded(command))
        asked = _Asked(self._loop.create_future())
        self._waiting.append(asked)
        return asked

    def _flush(self) -> None:
        if self._outgoing and self._transport is not None:
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _look_again(self, asked: "_Asked") -> None:
        # A busy loop runs its timers before it reads its sockets: the answer may be there already.
        if not asked.future.done():
            self._loop.call_later(SECOND_LOOK_SECONDS, self._time_out, asked)

    def _time_out(self, asked: "_Asked") -> None:
        """Stop waiting for this answer, and for those behind it, until it is there or given up."""
        if asked.future.done():
            return
        asked.fail("Redis is late")
        self._is_late = True
        self._loop.call_later(GIVE_UP_SECONDS, self._give_up, asked)

    def _give_up(self, asked: "_Asked") -> None:
        if self._waiting and self._waiting[0] is asked:
            self._drop()

    # -- what the event loop calls

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone."""
        if self._transport is not None and self._transport.is_closing():
            self._transport = None
            self._drop()

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


def sha_of(script: str) -> str:
    """The name under which Redis knows ``script`` once it is loaded."""
    return hashlib.sha1(script.encode()).hexdigest()  # noqa: S324  (Redis names scripts so)


def _hello(username: str | None, password: str | None, path: str) -> list[tuple[str, ...]]:
    commands: list[tuple[str, ...]] = []
    if password:
        user = (unquote(username),) if username else ()
        commands.append(("AUTH", *user, unquote(password)))
    if path.strip("/"):
        commands.append(("SELECT", path.strip("/")))
    return commands

"""The deny-set: sessions and accounts whose tokens are dead before their time, told by auth through Redis.

auth publishes each on a channel and keeps all in a set (see ``services/auth/sessions/revocations.py``). A
worker hears the channel, and reads the whole set when it starts, after every loss of the connection and now
and then. What it knows it forgets only when no such token can live: a Redis without memory revives nobody.
Whether revocations arrive is told by auth's pulse, which names the newest: see ``revocation_pulse.py``.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import Any, NamedTuple

import orjson
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from gateway import measures
from gateway.background import closed_at_the_end, heed_cancellation, keep_running
from gateway.revocation_pulse import Pulse
from shared.chassis.logs import get_logger
from shared.contracts import tokens

SYNC_SECONDS = 15.0
SYNC_SHARE = 0.005  # of a worker's time goes to reading the set again, however large it is
PING_SECONDS = 1.0
SILENCE_SECONDS = 3.0  # without news or an answer to a ping, after which nobody is at the other end
RETRY_SECONDS = 0.2
BATCH = 500
# The client's own repetitions have seconds in between, in which nobody would hear anything.
AT_ONCE = Retry(NoBackoff(), 0)
# RuntimeError is what uvloop raises where the client writes to a connection that has ended (uvloop#506).
LOST = (RedisError, OSError, TimeoutError, RuntimeError)

DEAF = float("-inf")

log = get_logger(__name__)


class _Floor(NamedTuple):
    """The least that a token of an account must have to live, and until when the entry is needed."""

    version: int
    issued_at: int
    until: float

    def joined(self, other: "_Floor") -> "_Floor":
        """What both ask for."""
        version, issued_at = max(self.version, other.version), max(self.issued_at, other.issued_at)
        return _Floor(version, issued_at, max(self.until, other.until))


class Revocations:
    """What one worker knows of revoked sessions and accounts."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._sessions: dict[str, float] = {}  # session id: when the entry is needless
        self._accounts: dict[str, _Floor] = {}
        self._task: asyncio.Task[None] | None = None
        self._heard_at = DEAF
        self._pulse = Pulse()
        self.on_news: Callable[[str], None] = lambda _name: None  # of the session or account of that id

    @property
    def is_current(self) -> bool:
        """Whether news arrive, all the way from auth."""
        return self._is_connected and self._pulse.is_good(monotonic())

    @property
    def _is_connected(self) -> bool:
        """Told by what was heard, since a client may hang while it ends a connection."""
        return monotonic() - self._heard_at < SILENCE_SECONDS

    def covers(self, session: str, account: str, issued_at: int, version: int) -> bool:
        """Whether a token of this session and account, issued then and of that version, is dead."""
        if session in self._sessions:
            return True
        floor = self._accounts.get(account)
        return floor is not None and (version < floor.version or issued_at < floor.issued_at)

    def learn(self, member: str, expires_at: float) -> None:
        """Take in one entry of the set."""
        kind, _, rest = member.partition(":")
        if kind == "session":
            self._sessions[rest] = expires_at
            self.on_news(rest)
        elif kind == "account":
            account, _, bound = rest.rpartition(":")
            floor = _floor(bound, expires_at)
            if floor is not None:
                self._accounts[account] = floor.joined(self._accounts.get(account, floor))
                self.on_news(account)

    async def start(self) -> None:
        """Read the set and listen from now on; where Redis does not answer, begin without it."""
        with suppress(TimeoutError):
            first = asyncio.Event()
            self._task = keep_running(partial(self._listen, first), name="revocations")
            async with asyncio.timeout(1.0):
                await first.wait()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self, first: asyncio.Event) -> None:
        while True:
            redis: Redis = Redis.from_url(
                self._url, socket_connect_timeout=1.0, socket_timeout=3.0, retry=AT_ONCE
            )
            try:
                async with closed_at_the_end(redis), redis.pubsub() as channel:
                    await channel.subscribe(tokens.REVOCATION_CHANNEL, tokens.REVOCATION_PULSE_CHANNEL)
                    self._pulse = Pulse(monotonic())
                    await self._sync(redis)  # after subscribing, so that nothing falls between
                    self._heard_at = monotonic()
                    first.set()
                    await self._hear(redis, channel)
            except LOST as error:
                if self._heard_at > DEAF:  # told once, and by the metric and `/readyz` all the while
                    log.warning("revocations_not_heard", cause=repr(error))
            heed_cancellation()
            self._heard_at = DEAF
            measures.REVOCATIONS_DEAF.set(1)
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, redis: "Redis", channel: Any) -> None:
        synced_at, pause = time(), SYNC_SECONDS
        while True:
            heed_cancellation()
            message = await channel.get_message(ignore_subscribe_messages=True, timeout=PING_SECONDS)
            if message is not None:
                self._heard_at = monotonic()
            elif self._is_connected:
                await channel.ping()  # a dead connection looks just as quiet
            else:
                raise TimeoutError("no answer to a ping")
            if message is not None and message["type"] == "message" and not self._take(message):
                synced_at = 0.0
            if time() - synced_at > pause:
                began = monotonic()
                await self._sync(redis)
                synced_at, pause = time(), max(SYNC_SECONDS, (monotonic() - began) / SYNC_SHARE)
            measures.REVOCATIONS_DEAF.set(0 if self.is_current else 1)

    def _take(self, message: Any) -> bool:
        """Take in news or a pulse; False if the set has to be read."""
        if message["channel"] == tokens.REVOCATION_PULSE_CHANNEL.encode():
            return self._pulse.take(message["data"], monotonic())
        return self._take_news(message["data"])

    def _take_news(self, text: bytes) -> bool:
        """Learn what the message says; False if it says to read the set."""
        try:
            news = orjson.loads(text)
            self.learn(str(news["member"]), float(news["expires_at"]))
            self._pulse.note(int(news.get("id", 0)))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return False
        return True

    async def _sync(self, redis: "Redis") -> None:
        """Read the whole set, a little at a time: requests are answered in between."""
        now, cursor, is_first = time(), 0, True
        while cursor or is_first:
            is_first = False
            cursor, entries = await redis.zscan(tokens.REVOCATION_SET, cursor, count=BATCH)
            for member, score in entries:
                if score >= now:
                    self.learn(member.decode(), score)
        self._forget(now)

    def _forget(self, now: float) -> None:
        for session in [session for session, until in self._sessions.items() if until <= now]:
            del self._sessions[session]
        for account in [account for account, floor in self._accounts.items() if floor.until <= now]:
            del self._accounts[account]


def _floor(bound: str, expires_at: float) -> _Floor | None:
    """What ``v<version>`` says; ``<unix seconds>`` is how the release before auth's versions said it.

    Seconds with a zero before them go with a version that was published as well: they are for gateways of
    that release, and would refuse tokens that were issued in the same second, after the change.
    """
    if bound.startswith("v") and bound[1:].isdecimal():
        return _Floor(int(bound[1:]), 0, expires_at)
    if bound.isdecimal() and not bound.startswith("0"):
        return _Floor(0, int(bound), expires_at)
    return None

"""Receipts: which token pairs have reached their clients, reported to auth through Redis, many at once.

Whoever presents an access token has received its pair. auth needs to know before it takes a superseded
refresh token for a stolen one (see docs/auth.md). Each worker reports a pair when it first sees its token.

Hash ``doorward:receipts``: session id to the highest number of a pair that was received; auth's worker takes
the entries out. Key ``doorward:receipts:since``: the unix second since which no receipt has been lost.
"""

import asyncio
from contextlib import suppress
from time import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.background import closed_at_the_end, heed_cancellation, keep_running
from shared.chassis.logs import get_logger
from shared.contracts import tokens

REPORT_SECONDS = 0.2
TIMEOUT_SECONDS = 2.0
BATCH = 1000
MOST_WAITING = 50_000  # while Redis is away; a few megabytes
MOST_STORED = 200_000  # while auth's worker is away; some twenty megabytes
LOST = (RedisError, OSError, TimeoutError, RuntimeError)  # as for the revocations

# KEYS: the hash, since when it is complete. ARGV: now, whether some were dropped, the most to store, then
# session id and number of each pair.
_STORE = """
if ARGV[2] == '1' then redis.call('SET', KEYS[2], ARGV[1])
else redis.call('SET', KEYS[2], ARGV[1], 'NX') end
for place = 4, #ARGV, 2 do
    local known = redis.call('HGET', KEYS[1], ARGV[place])
    if known then
        if tonumber(known) < tonumber(ARGV[place + 1]) then
            redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
        end
    elseif redis.call('HLEN', KEYS[1]) < tonumber(ARGV[3]) then
        redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
    else
        redis.call('SET', KEYS[2], ARGV[1])
    end
end
"""

log = get_logger(__name__)


class Receipts:
    """What one worker has seen and not reported yet."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._waiting: dict[str, int] = {}
        self._has_dropped = False
        self._is_due = True  # the first time without receipts, to say since when they are complete
        self._is_failing = False
        self._task: asyncio.Task[None] | None = None

    def note(self, session: str, pair: int) -> None:
        """Report soon that the client of the session has the pair of that number."""
        if len(self._waiting) >= MOST_WAITING and session not in self._waiting:
            self._has_dropped = True
            return
        self._waiting[session] = max(pair, self._waiting.get(session, 0))

    async def start(self) -> None:
        """Report from now on."""
        self._task = keep_running(self._report, name="receipts")

    async def stop(self) -> None:
        """Report what is left, and no more."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        with suppress(*LOST):
            async with asyncio.timeout(TIMEOUT_SECONDS), closed_at_the_end(self._connection()) as redis:
                await self._send_all(redis)

    async def _report(self) -> None:
        async with closed_at_the_end(self._connection()) as redis:
            while True:
                await asyncio.sleep(REPORT_SECONDS)
                try:
                    await self._send_all(redis)
                    self._is_failing = False
                except LOST as error:
                    tell = log.debug if self._is_failing else log.warning  # one line for an outage
                    tell("receipts_not_reported", cause=repr(error))
                    self._is_failing = True
                heed_cancellation()

    async def _send_all(self, redis: Redis) -> None:
        while self._waiting or self._has_dropped or self._is_due:
            batch = dict(list(self._waiting.items())[:BATCH])
            has_dropped, self._has_dropped = self._has_dropped, False
            try:
                await self._send(redis, batch, has_dropped)
            except BaseException:
                self._has_dropped |= has_dropped
                raise
            self._is_due = False
            # What was noted meanwhile still waits.
            self._waiting = {name: pair for name, pair in self._waiting.items() if batch.get(name) != pair}

    async def _send(self, redis: Redis, batch: dict[str, int], has_dropped: bool) -> None:
        pairs = [part for entry in batch.items() for part in entry]
        arguments: list[Any] = [int(time()), int(has_dropped), MOST_STORED, *pairs]
        await redis.eval(_STORE, 2, tokens.RECEIPTS, tokens.RECEIPTS_SINCE, *arguments)  # type: ignore[misc]

    def _connection(self) -> Redis:
        return Redis.from_url(
            self._url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS
        )

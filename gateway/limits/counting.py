"""Counting against quotas: windows that begin with the first request, shared through Redis by leases.

A worker takes units of a quota from Redis before it admits requests on them. With ``slack = 0`` it takes
just what the request at hand costs, so that a quota of N admits exactly N however many workers and replicas
there are. With slack it takes a small lease in advance: never more than N are admitted, and at most the slack
too few, for a round trip every few hundred requests instead of for each.

Without Redis every worker admits its share of the quota, or of what was left of it when Redis last spoke.
"""

import asyncio
from collections import OrderedDict
from itertools import islice
from time import monotonic
from typing import NamedTuple, cast

from gateway.limits.redis_connection import LinkDown
from gateway.limits.redis_link import RedisLink, sha_of
from gateway.limits.resp import Reply
from gateway.limits.window import Told, Window
from gateway.policies.limits import Limit

# KEYS: the window. ARGV: quota, window in ms, units wanted, least units of use.
# Answers: units granted, units left in the window, its rest in ms, and its end by Redis' clock. The end tells
# windows apart, so it is not computed: Redis may wait for a processor between two readings of its clock.
TAKE = """
local quota, window, want, least = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local rest = redis.call('PTTL', KEYS[1])
local granted = math.min(want, quota - used)
if granted < least then granted = 0 end
if granted > 0 then
  used = redis.call('INCRBY', KEYS[1], granted)
  if rest < 0 then redis.call('PEXPIRE', KEYS[1], window) rest = window end
end
local ends = redis.call('PEXPIRETIME', KEYS[1])
if rest < 0 then
  local now = redis.call('TIME')
  rest, ends = window, now[1] * 1000 + math.floor(now[2] / 1000) + window
end
return {granted, quota - used, rest, ends}
"""
# KEYS: the set of workers. ARGV: this worker, now in ms, how long one counts in ms.
PRESENCE = """
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2] - ARGV[3])
return redis.call('ZCARD', KEYS[1])
"""
TAKE_SHA, PRESENCE_SHA = sha_of(TAKE), sha_of(PRESENCE)
SCRIPTS = (TAKE, PRESENCE)
MOST_WINDOWS = 100_000
SWEPT_AT_ONCE = 5_000
SWEPT_BY_NEWCOMER = 8
ALONE_SECONDS = 1.0


class Verdict(NamedTuple):
    """Whether one limit admits a request, what is left of it, and of which window that was taken."""

    limit: Limit
    is_admitted: bool
    remaining: int
    reset_seconds: int
    window: Window
    window_number: int

    def give_back(self) -> None:
        """Undo the admission, if it was one: another limit refused the request."""
        if self.is_admitted:
            self.window.give_back(self.limit, self.window_number)


class Counting:
    """The windows of one worker."""

    def __init__(self, link: RedisLink, *, workers: int) -> None:
        self._link = link
        self.workers = workers  # of all replicas
        # A plain dict would look through all that was deleted at its front to find its first entry.
        self._windows: OrderedDict[tuple[str, str], Window] = OrderedDict()
        self._alone_at = -ALONE_SECONDS

    @property
    def is_degraded(self) -> bool:
        """Whether each worker counts for itself, or just did."""
        return not self._link.is_up or monotonic() - self._alone_at < ALONE_SECONDS

    def take_held(self, limit: Limit, key: str) -> Verdict | None:
        """Take what one request costs from what is held of the quota; None: Redis has to be asked."""
        window = self._window(limit, key)
        now = monotonic()
        window.end_if_over(now)
        if window.held >= limit.cost:
            if limit.slack and window.held <= window.runs_low_at:
                self._fetch_ahead(limit, key, window)
            window.held -= limit.cost
            return _admit(limit, window, now)
        return _refuse(limit, window, now) if window.is_exhausted else None

    async def take(self, limit: Limit, key: str, *, deadline: float) -> Verdict:
        """Take it from what Redis has of the quota; waits for it until ``deadline`` at most."""
        window = self._window(limit, key)
        try:
            is_granted = await self._take_from_redis(limit, key, window, deadline)
        except LinkDown:
            return self._take_share(limit, window)
        now = monotonic()
        return _admit(limit, window, now) if is_granted else _refuse(limit, window, now)

    def lease(self, limit: Limit) -> int:
        """How many units to take at once: all workers together hold at most the slack of the quota."""
        return max(limit.cost, int(limit.quota * limit.slack / (2 * self.workers)))

    def sweep(self, most: int = SWEPT_AT_ONCE) -> None:
        """Look at ``most`` windows, those not looked at for longest, and forget the ones that are over.

        Never at all of them: with 100,000 of them nobody would be answered for as long as that takes.
        """
        now = monotonic()
        for key in list(islice(self._windows, most)):
            if self._windows[key].ends_at <= now:
                del self._windows[key]
            else:
                self._windows.move_to_end(key)

    def _window(self, limit: Limit, key: str) -> Window:
        name = (limit.name, key)
        window = self._windows.get(name)
        if window is None:
            if len(self._windows) >= MOST_WINDOWS:
                self.sweep(SWEPT_BY_NEWCOMER)
            if len(self._windows) >= MOST_WINDOWS:
                self._windows.popitem(last=False)
            window = self._windows[name] = Window()
        return window

    def _take_share(self, limit: Limit, window: Window) -> Verdict:
        now = self._alone_at = monotonic()
        is_admitted = window.take_share(limit, now, self.workers)
        left = window.alone or 0 if is_admitted else 0
        return Verdict(limit, is_admitted, left, window.rest_seconds(now), window, window.number)

    async def _take_from_redis(self, limit: Limit, key: str, window: Window, deadline: float) -> bool:
        if window.fetch is not None:  # a lease is on its way
            await asyncio.shield(window.fetch)
            if window.held >= limit.cost:
                window.held -= limit.cost
                return True
        granted = await self._ask(limit, key, window, deadline)
        # The answer to this request is this request's: nobody who came later can have used it up.
        if granted < limit.cost:
            return False
        window.held += granted - limit.cost
        return True

    async def _fetch(self, limit: Limit, key: str, window: Window) -> None:
        granted = await self._ask(limit, key, window, monotonic() + self._link.timeout_seconds)
        window.held += granted  # not in one statement: it would read ``held`` before the wait

    async def _ask(self, limit: Limit, key: str, window: Window, deadline: float) -> int:
        name = f"doorward:limit:{limit.name}:{limit.quota}:{limit.window_seconds}:{key}"
        claim = window.claim()
        lease = self.lease(limit)
        wanted = lease + claim
        window.runs_low_at = lease / 2
        arguments = (limit.quota, limit.window_seconds * 1000, wanted, limit.cost)
        sent_at = monotonic()

        def hear(answer: Reply) -> int:
            granted, left, rest_ms, ends_ms = cast("list[int]", answer)
            return window.hear(limit, Told(granted, left, rest_ms, ends_ms, sent_at, monotonic()))

        def keep(late: Reply) -> None:
            window.held += hear(late)

        command = ("EVALSHA", TAKE_SHA, 1, name, *arguments)
        try:
            return hear(await self._link.call(*command, patience_seconds=deadline - sent_at, if_late=keep))
        finally:
            window.answered(claim)

    def _fetch_ahead(self, limit: Limit, key: str, window: Window) -> None:
        """Take the next lease while half of the present one is left, so that no request waits for it."""
        if window.fetch is not None or window.is_exhausted or not self._link.is_up:
            return
        task = asyncio.get_running_loop().create_task(self._fetch(limit, key, window))
        window.fetch = task
        task.add_done_callback(lambda done: _fetched(window, done))


def _admit(limit: Limit, window: Window, now: float) -> Verdict:
    window.admitted += limit.cost
    return _verdict(limit, window, now, is_admitted=True)


def _refuse(limit: Limit, window: Window, now: float) -> Verdict:
    return _verdict(limit, window, now, is_admitted=False)


def _verdict(limit: Limit, window: Window, now: float, *, is_admitted: bool) -> Verdict:
    left = max(0, window.held + window.left_elsewhere)
    return Verdict(limit, is_admitted, left, window.rest_seconds(now), window, window.number)


def _fetched(window: Window, task: "asyncio.Future[None]") -> None:
    window.fetch = None
    if not task.cancelled():
        task.exception()  # the next request finds out by itself

"""Counting against quotas: windows that begin with the first request, shared through Redis by leases.

A worker takes units of a quota from Redis before it admits requests on them. With ``slack = 0`` it takes
just what the request at hand costs, so that a quota of N admits exactly N however many workers and replicas
there are. With slack it takes a small lease in advance: never more than N are admitted, and at most the slack
too few, for a round trip every few hundred requests instead of for each.

Without Redis every worker admits its share of the quota, or of what was left of it when Redis last spoke.
"""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import cast

from gateway.limits.redis_link import LinkDown, RedisLink, sha_of
from gateway.limits.resp import Reply
from gateway.policies import Limit

# KEYS: the window. ARGV: quota, window in ms, units wanted, least units of use.
# Answers: units granted, units left in the window, its rest in ms.
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
if rest < 0 then rest = window end
return {granted, quota - used, rest}
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one limit admits a request, and what is left of it."""

    limit: Limit
    is_admitted: bool
    remaining: int
    reset_seconds: int


class Window:
    """What one worker knows of one quota of one caller."""

    __slots__ = ("admitted", "alone", "debt", "ends_at", "fetch", "held", "is_exhausted", "left_elsewhere")

    def __init__(self) -> None:
        self.ends_at = 0.0
        self.held = 0  # units taken from Redis and not used yet
        self.left_elsewhere = 0  # units in Redis that nobody has taken
        self.is_exhausted = False  # Redis has said that nothing is left before the window's end
        self.admitted = 0  # units that this worker has admitted
        self.alone: int | None = None  # units that it may still admit without Redis
        self.debt = 0  # units that it has admitted so and Redis does not know of
        self.fetch: asyncio.Future[None] | None = None

    def renew(self, now: float, seconds: float) -> None:
        """Begin anew if the window is over."""
        if now >= self.ends_at:
            self.ends_at = now + seconds
            self.held = self.left_elsewhere = self.admitted = 0
            self.is_exhausted = False
            self.alone = None
            self.debt = 0


class Counting:
    """The windows of one worker."""

    def __init__(self, link: RedisLink, *, workers: int) -> None:
        self._link = link
        self.workers = workers  # of all replicas
        self._windows: dict[tuple[str, str], Window] = {}

    @property
    def is_degraded(self) -> bool:
        """Whether each worker counts for itself."""
        return not self._link.is_up

    async def take(self, limit: Limit, key: str) -> Verdict:
        """Take what one request costs from the caller's quota; waits no longer than the link does."""
        window = self._window(limit, key)
        now = monotonic()
        window.renew(now, 0)
        if window.held >= limit.cost:
            if limit.slack:
                self._fetch_ahead(limit, key, window)
            window.held -= limit.cost
            return self._admit(limit, window, now)
        if window.is_exhausted:
            return self._refuse(limit, window, now)
        try:
            is_granted = await self._take_from_redis(limit, key, window)
        except LinkDown:
            return self._take_share(limit, window)
        now = monotonic()
        return self._admit(limit, window, now) if is_granted else self._refuse(limit, window, now)

    def give_back(self, limit: Limit, key: str) -> None:
        """Undo ``take`` for a request that another limit refused."""
        window = self._window(limit, key)
        window.held += limit.cost
        window.admitted -= limit.cost

    def lease(self, limit: Limit) -> int:
        """How many units to take at once: all workers together hold at most the slack of the quota."""
        return max(limit.cost, int(limit.quota * limit.slack / (2 * self.workers)))

    def sweep(self) -> None:
        """Forget the windows that are over."""
        now = monotonic()
        for key in [key for key, window in self._windows.items() if window.ends_at <= now]:
            del self._windows[key]

    def _window(self, limit: Limit, key: str) -> Window:
        name = (limit.name, key)
        window = self._windows.get(name)
        if window is None:
            if len(self._windows) >= MOST_WINDOWS:
                self.sweep()
            if len(self._windows) >= MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]
            window = self._windows[name] = Window()
        return window

    def _admit(self, limit: Limit, window: Window, now: float) -> Verdict:
        window.admitted += limit.cost
        return Verdict(limit, True, max(0, window.held + window.left_elsewhere), _rest(window, now))

    def _refuse(self, limit: Limit, window: Window, now: float) -> Verdict:
        return Verdict(limit, False, max(0, window.held + window.left_elsewhere), _rest(window, now))

    def _take_share(self, limit: Limit, window: Window) -> Verdict:
        """Without Redis: this worker's share of the quota, or of what was left when Redis last spoke."""
        now = monotonic()
        is_new = now >= window.ends_at
        window.renew(now, limit.window_seconds)
        if window.alone is None:
            share = max(limit.cost, limit.quota // self.workers) - window.admitted
            left = limit.quota if is_new else -(-window.left_elsewhere // self.workers)
            window.alone = max(0, min(share, left))
        if window.alone < limit.cost:
            return Verdict(limit, False, 0, _rest(window, now))
        window.alone -= limit.cost
        window.debt += limit.cost
        window.admitted += limit.cost
        return Verdict(limit, True, window.alone, _rest(window, now))

    async def _take_from_redis(self, limit: Limit, key: str, window: Window) -> bool:
        if window.fetch is not None:  # a lease is on its way
            await asyncio.shield(window.fetch)
            if window.held >= limit.cost:
                window.held -= limit.cost
                return True
        granted = await self._ask(limit, key, window)
        # The answer to this request is this request's: nobody who came later can have used it up.
        if granted < limit.cost:
            return False
        window.held += granted - limit.cost
        return True

    async def _fetch(self, limit: Limit, key: str, window: Window) -> None:
        granted = await self._ask(limit, key, window)
        window.held += granted  # not in one statement: it would read ``held`` before the wait

    async def _ask(self, limit: Limit, key: str, window: Window) -> int:
        name = f"doorward:limit:{limit.name}:{limit.quota}:{limit.window_seconds}:{key}"
        wanted = self.lease(limit) + window.debt
        arguments = (limit.quota, limit.window_seconds * 1000, wanted, limit.cost)

        def keep(late: Reply) -> None:
            window.held += _note(limit, window, late)

        answer = await self._link.call("EVALSHA", TAKE_SHA, 1, name, *arguments, if_late=keep)
        return _note(limit, window, answer)

    def _fetch_ahead(self, limit: Limit, key: str, window: Window) -> None:
        """Take the next lease while half of the present one is left, so that no request waits for it."""
        is_enough = window.held * 2 > self.lease(limit) or window.is_exhausted
        if is_enough or window.fetch is not None or not self._link.is_up:
            return
        task = asyncio.get_running_loop().create_task(self._fetch(limit, key, window))
        window.fetch = task
        task.add_done_callback(lambda done: _fetched(window, done))


def _note(limit: Limit, window: Window, answer: Reply) -> int:
    """Keep what Redis said of the window; the units that it granted beyond what was owed."""
    granted, left, rest = cast("list[int]", answer)
    now = monotonic()
    window.renew(now, rest / 1000)
    window.ends_at = now + rest / 1000
    window.left_elsewhere = left
    window.is_exhausted = left < limit.cost
    # The request at hand comes first: it was counted before the debt arose.
    paid = min(window.debt, max(0, granted - limit.cost))
    window.debt -= paid
    return granted - paid


def _fetched(window: Window, task: "asyncio.Future[None]") -> None:
    window.fetch = None
    if not task.cancelled():
        task.exception()  # the next request finds out by itself


def _rest(window: Window, now: float) -> int:
    return max(1, int(window.ends_at - now + 0.999))

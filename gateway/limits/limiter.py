"""The limiter of one worker: which quotas a request draws on."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from gateway import measures
from gateway.background import keep_running
from gateway.client_address import limit_key
from gateway.limits.counting import PRESENCE_SHA, SCRIPTS, Counting, Verdict
from gateway.limits.redis_connection import LinkDown
from gateway.limits.redis_link import RedisLink
from gateway.policies.limits import Limit, LimitKey
from shared.chassis import errors
from shared.chassis.logs import get_logger

if TYPE_CHECKING:
    from gateway.exchange import Exchange

WORKERS_KEY = "doorward:gateway:workers"
PRESENCE_SECONDS = 2.0
LOOK_SECONDS = 0.2
ABSENCE_MS = 10_000

log = get_logger(__name__)


def _by_address(exchange: "Exchange") -> str:
    return limit_key(exchange.address)


def _by_account(exchange: "Exchange") -> str:
    caller = exchange.caller
    return f"account:{caller.account_id}" if caller else _by_address(exchange)


def _by_api_key(exchange: "Exchange") -> str:
    return f"key:{exchange.api_key_id}" if exchange.api_key_id else _by_address(exchange)


def _by_caller(exchange: "Exchange") -> str:
    return _by_api_key(exchange) if exchange.api_key_id else _by_account(exchange)


def _by_organization(exchange: "Exchange") -> str:
    organization = exchange.caller.organization if exchange.caller else None
    return f"organization:{organization.id}" if organization else _by_caller(exchange)


# Every way falls back to the address: a request without the key that a limit is by must not be unlimited.
_KEYS: dict[LimitKey, Callable[["Exchange"], str]] = {
    "address": _by_address,
    "account": _by_account,
    "api_key": _by_api_key,
    "caller": _by_caller,
    "organization": _by_organization,
    "route": lambda _exchange: "all",
}


def key_of(exchange: "Exchange", by: LimitKey) -> str:
    """Whom a limit by this counts the exchange for."""
    return _KEYS[by](exchange)


class RouteLimiter:
    """Admits requests by their limits."""

    def __init__(self, redis_url: str, *, timeout_seconds: float, workers: int) -> None:
        self._link = RedisLink(redis_url, timeout_seconds=timeout_seconds, scripts=SCRIPTS)
        self._counting = Counting(self._link, workers=workers)
        self._own_workers = workers
        self._name = uuid.uuid4().hex
        self._counted_at = 0
        self._upkeep: asyncio.Task[None] | None = None

    @property
    def is_degraded(self) -> bool:
        """Whether each worker counts for itself because Redis does not answer."""
        return self._counting.is_degraded

    @property
    def workers(self) -> int:
        """How many workers of all replicas share the quotas."""
        return self._counting.workers

    async def start(self) -> None:
        """Connect to Redis; where it does not answer, begin without it."""
        await self._link.start()
        await self._be_present()
        self._upkeep = keep_running(self._keep_up, name="limiter")

    async def stop(self) -> None:
        """Leave the others' count of workers, and let go of Redis."""
        if self._upkeep is not None:
            self._upkeep.cancel()
        with suppress(LinkDown):
            await self._link.call("ZREM", WORKERS_KEY, self._name)
        await self._link.stop()

    async def admit(self, exchange: "Exchange", limits: Sequence[Limit]) -> None:
        """Count ``exchange`` against ``limits`` too; raises TooManyRequests where one has nothing left.

        However many limits there are, and calls of this, the request waits no longer than the time limit.
        """
        began = monotonic()
        deadline = began + self._link.timeout_seconds - exchange.limiter_seconds
        try:
            for limit in limits:
                key = key_of(exchange, limit.by)
                verdict = self._counting.take_held(limit, key)
                verdict = verdict or await self._counting.take(limit, key, deadline=deadline)
                self._heed(exchange, verdict)
        finally:
            exchange.limiter_seconds += monotonic() - began

    def admit_held(self, exchange: "Exchange", limits: Sequence[Limit]) -> Sequence[Limit]:
        """As ``admit``, while this worker knows what is left; the limits of which Redis has to be asked."""
        for place, limit in enumerate(limits):
            verdict = self._counting.take_held(limit, _KEYS[limit.by](exchange))
            if verdict is None:
                return limits[place:]
            self._heed(exchange, verdict)
        return ()

    def _heed(self, exchange: "Exchange", verdict: Verdict) -> None:
        """Note the verdict; raises TooManyRequests, which costs no other limit anything."""
        verdicts = exchange.verdicts
        verdicts.append(verdict)
        if not verdict.is_admitted:
            for other in verdicts:
                other.give_back()
            raise _refusal(verdict)

    async def _keep_up(self) -> None:
        was_degraded = False
        present_at = monotonic()
        while True:
            measures.LIMITER_ALONE.set(self.is_degraded)
            if self.is_degraded != was_degraded:
                was_degraded = self.is_degraded
                log.warning("limiter_counts_alone" if was_degraded else "limiter_counts_together")
            await asyncio.sleep(LOOK_SECONDS)
            if monotonic() - present_at >= PRESENCE_SECONDS:
                present_at = monotonic()
                await self._be_present()
                self._counting.sweep()

    async def _be_present(self) -> None:
        """Say that this worker is there, and learn how many are."""
        now = int(time() * 1000)
        try:
            count = await self._link.call(
                "EVALSHA", PRESENCE_SHA, 1, WORKERS_KEY, self._name, now, ABSENCE_MS
            )
        except LinkDown:
            return  # the last known number is the best guess
        # A Redis that has lost its memory knows of few for a while.
        if isinstance(count, int) and (count >= self.workers or now - self._counted_at > ABSENCE_MS):
            self._counted_at = now
            self._counting.workers = max(count, self._own_workers)
            measures.LIMITER_WORKERS.labels("redis").set(self._counting.workers)


def _refusal(verdict: Verdict) -> errors.TooManyRequests:
    measures.LIMITED.labels(verdict.limit.name).inc()
    members: dict[str, Any] = {"violated-policies": [verdict.limit.name]}
    return errors.TooManyRequests(retry_after_seconds=verdict.reset_seconds, **members)

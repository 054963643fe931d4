"""One worker's account of a quota, walked at random: whatever becomes of Redis, never more than the quota."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.limits.counting import Counting, Verdict
from gateway.limits.redis_connection import LinkDown
from gateway.limits.resp import Part, Reply
from gateway.policies.limits import Limit

QUOTA = 12
HOUR_MS = 3_600_000


@dataclass
class Asked:
    """A question that Redis has not answered."""

    quota: int
    wanted: int
    least: int
    future: "asyncio.Future[Reply]"
    if_late: Callable[[Reply], None]


@dataclass
class ScriptedRedis:
    """Stands in for the link and for Redis: it answers when the walk says so, or never, and may forget."""

    timeout_seconds: float = 3600.0
    is_up: bool = True
    used: int = 0
    ends_ms: int = HOUR_MS
    asked: list[Asked] = field(default_factory=list)
    given_up: list[Asked] = field(default_factory=list)

    def call(
        self, *command: Part, patience_seconds: float, if_late: Callable[[Reply], None]
    ) -> "asyncio.Future[Reply]":
        """The future answer of the script that takes units."""
        if not self.is_up:
            raise LinkDown("away")
        quota, _, wanted, least = (int(part) for part in command[-4:])
        self.asked.append(Asked(quota, wanted, least, asyncio.get_running_loop().create_future(), if_late))
        return self.asked[-1].future

    def answer(self) -> None:
        """Answer the oldest question in time."""
        if self.asked:
            asked = self.asked.pop(0)
            asked.future.set_result(self._take(asked))

    def answer_late(self) -> None:
        """Answer the oldest question that nobody waits for any more."""
        if self.given_up:
            asked = self.given_up.pop(0)
            asked.if_late(self._take(asked))

    def leave(self) -> None:
        """Let everybody wait in vain."""
        self.is_up = False
        for asked in self.asked:
            asked.future.set_exception(LinkDown("late"))
        self.given_up += self.asked
        self.asked = []

    def come_back(self) -> None:
        """Answer what is asked from now on."""
        self.is_up = True

    def forget(self) -> None:
        """Lose the window, and with it what was used of it."""
        self.used = 0
        self.ends_ms += 1

    def others_take(self) -> None:
        """Grant a unit to another worker."""
        self.used = min(QUOTA, self.used + 1)

    def _take(self, asked: Asked) -> list[int]:
        granted = min(asked.wanted, asked.quota - self.used)
        granted = granted if granted >= asked.least else 0
        self.used += granted
        return [granted, asked.quota - self.used, HOUR_MS, self.ends_ms]


@dataclass
class Walk:
    """A worker whose requests come, and whose Redis behaves, as the steps say."""

    limit: Limit
    workers: int
    redis: ScriptedRedis = field(default_factory=ScriptedRedis)
    waiting: list["asyncio.Task[Verdict]"] = field(default_factory=list)
    admitted: list[Verdict] = field(default_factory=list)

    async def go(self, steps: list[str]) -> int:
        """Take all steps and then one request after another; how many requests were admitted."""
        self.counting = Counting(self.redis, workers=self.workers)  # type: ignore[arg-type]
        for step in [*steps, "leave", *["request"] * QUOTA]:
            await self._take(step)
            for _ in range(4):
                await asyncio.sleep(0)  # whoever can go on does
            self._collect()
        return len(self.admitted)

    async def _take(self, step: str) -> None:
        if step in ("request", "served"):
            self._request()
            await asyncio.sleep(0)
        if step == "served":
            self.redis.answer()
        elif step == "refused" and self.admitted:
            self.admitted.pop().give_back()
        elif step not in ("request", "refused"):
            getattr(self.redis, step)()

    def _request(self) -> None:
        verdict = self.counting.take_held(self.limit, "key")
        if verdict is None:
            taking = self.counting.take(self.limit, "key", deadline=float("inf"))
            self.waiting.append(asyncio.get_running_loop().create_task(taking))
        elif verdict.is_admitted:
            self.admitted.append(verdict)

    def _collect(self) -> None:
        done = [task for task in self.waiting if task.done()]
        self.waiting = [task for task in self.waiting if not task.done()]
        self.admitted += [task.result() for task in done if task.result().is_admitted]


STEPS = (
    "request",
    "served",
    "answer",
    "answer_late",
    "leave",
    "come_back",
    "forget",
    "others_take",
    "refused",
)


@settings(max_examples=300)
@given(
    steps=st.lists(st.sampled_from(STEPS), max_size=80),
    workers=st.integers(1, 3),
    cost=st.sampled_from((1, 1, 1, 5)),
    slack=st.sampled_from((0.0, 0.5)),
)
@example(  # what was left of a worker's share served again after Redis had granted the rest, and forgotten it
    steps=["leave", "request", "come_back", *["served"] * 10, "forget", "served"],
    workers=2,
    cost=1,
    slack=0.0,
)
def test_a_worker_admits_at_most_the_quota(steps: list[str], workers: int, cost: int, slack: float) -> None:
    limit = Limit("exact", QUOTA, 3600, cost=cost, slack=0)
    object.__setattr__(limit, "slack", slack)  # more than is allowed: a lease of several units of so few

    admitted = asyncio.run(Walk(limit, workers).go(steps))

    assert admitted * cost <= QUOTA


@pytest.mark.parametrize("steps", [["request", "answer"] * 12, ["request"] * 12 + ["answer"] * 12])
def test_a_redis_that_answers_grants_all_of_it(steps: list[str]) -> None:
    walk = Walk(Limit("exact", QUOTA, 3600, slack=0), workers=2)

    assert asyncio.run(walk.go(steps)) == QUOTA

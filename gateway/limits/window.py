"""What one worker knows of one quota of one caller: decided in pure code, without Redis or a clock."""

import asyncio
from typing import NamedTuple

from gateway.policies.limits import Limit


class Told(NamedTuple):
    """What Redis answered, with the end of the window by its clock; when it was asked and heard by ours."""

    granted: int
    left: int
    rest_ms: int
    ends_ms: int
    sent_at: float
    heard_at: float

    @property
    def now_ms(self) -> int:
        """When Redis answered, by its clock."""
        return self.ends_ms - self.rest_ms


class Window:
    """Units that were taken from Redis, admitted with it, and admitted without."""

    __slots__ = (
        "admitted",
        "alone",
        "claimed",
        "counted",
        "debt",
        "ends_at",
        "ends_ms",
        "fetch",
        "held",
        "is_exhausted",
        "left_elsewhere",
        "number",
        "runs_low_at",
    )

    def __init__(self) -> None:
        self.number = 0  # grows with each window that begins
        self.ends_at = 0.0  # or a little later, since Redis' answer took its time
        self.fetch: asyncio.Future[None] | None = None  # a lease that is on its way
        self.runs_low_at = 0.0  # half of a lease: the next one is taken while so many units are held
        self._begin()

    def _begin(self) -> None:
        self.number += 1
        self.ends_ms = 0  # by Redis' clock; 0: Redis has not spoken
        self.held = 0  # units taken from Redis and not used yet
        self.left_elsewhere = 0  # units in Redis that nobody has taken
        self.is_exhausted = False  # Redis has said that nothing is left before the window's end
        self.counted = 0  # units that Redis has granted to this worker, the debts that it paid included
        self.admitted = 0  # units that this worker has admitted
        # Units that it may still admit without Redis; None: to be found by what Redis said last.
        self.alone: int | None = None
        self.debt = 0  # units that it has admitted and Redis does not know of
        self.claimed = 0  # of those, units that Redis is being told of

    def end_if_over(self, now: float) -> None:
        """Begin anew where the window is over."""
        if now >= self.ends_at:
            self.ends_at = now
            self._begin()

    def claim(self) -> int:
        """The debt that nobody tells Redis of yet: of several requests at once, only one is to pay it."""
        claim = max(0, self.debt - self.claimed)
        self.claimed += claim
        return claim

    def answered(self, claim: int) -> None:
        """Redis was told of ``claim``, or cannot be."""
        self.claimed = max(0, self.claimed - claim)

    def hear(self, limit: Limit, told: Told) -> int:
        """Take in what Redis said; the units that it granted beyond what was owed."""
        if told.heard_at >= self.ends_at or (self.ends_ms and told.now_ms >= self.ends_ms):
            self._begin()
        elif self._is_forgotten(limit, told):
            # Owed to the new window: else every restart of Redis would be a new quota.
            self.debt, self.counted = self.admitted + self.held, 0
        self.counted += told.granted
        self.ends_at = told.heard_at + told.rest_ms / 1000
        self.ends_ms = told.ends_ms
        self.left_elsewhere = told.left
        self.alone = None
        self.is_exhausted = told.left < limit.cost
        # The request at hand comes first: it was counted before the debt arose.
        paid = min(self.debt, max(0, told.granted - limit.cost))
        self.debt -= paid
        # Whatever Redis has forgotten, this worker has not: beyond the quota it admits nothing.
        return min(told.granted - paid, max(0, limit.quota - self.admitted - self.held))

    def _is_forgotten(self, limit: Limit, told: Told) -> bool:
        """Whether Redis lost its memory: another window within this one, or less used than was granted."""
        if not self.ends_ms:
            return False
        return told.ends_ms != self.ends_ms or limit.quota - told.left < self.counted + told.granted

    def take_share(self, limit: Limit, now: float, workers: int) -> bool:
        """Admit a request without Redis, if the worker's share of what was left is not used up."""
        is_new = now >= self.ends_at
        if is_new:
            self._begin()
            self.ends_at = now + limit.window_seconds
        if self.alone is None:
            left = limit.quota if is_new else -(-self.left_elsewhere // workers) - self.debt
            self.alone = min(max(limit.cost, limit.quota // workers) - self.admitted, left)
        if self.alone < limit.cost:
            return False
        self.alone -= limit.cost
        self.debt += limit.cost
        self.admitted += limit.cost
        return True

    def give_back(self, limit: Limit, number: int) -> None:
        """Undo the admission of a request in window ``number``; one that is over has nothing to give."""
        if number == self.number:
            self.held += limit.cost
            self.admitted -= limit.cost

    def rest_seconds(self, now: float) -> int:
        """How long until the window is over, in whole seconds."""
        return max(1, int(self.ends_at - now + 0.999))

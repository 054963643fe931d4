"""The cache as a model: two processes read, write and hear messages, while links are cut, Redis restarts and
processes are killed between any two steps. No read shows less than what was acknowledged before it began.

A write whose process could not reach Redis, or not a second ago, counts from the relay's next step on. There
are two accounts, mostly one, and whatever happened can be read everywhere after each step.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from redis import Redis

from shared.chassis.ids import new_id
from shared.chassis.testing.engines import wait_until
from tests.users.cache_operations import Operations

SIDES = st.sampled_from([0, 1])
WHICH = st.sampled_from([0, 0, 0, 1])
# Most examples have one or none: they come further, and it is clear what led to what.
ALL = frozenset({"cut", "kill", "restart", "move"})
MISHAPS = [frozenset[str]()] * 4 + [*(frozenset({each}) for each in sorted(ALL)), ALL]
KINDS = st.sampled_from(["write", "message"])


class CacheModel(Operations):
    """The steps; what they come to is the operations'."""

    @initialize(mishaps=st.sampled_from(MISHAPS))
    def begin(self, mishaps: frozenset[str] = frozenset()) -> None:
        """Two accounts whose profiles are known everywhere; what else than reads and writes there will be."""
        self.mishaps = mishaps
        for side in self.world.sides:
            side.link.restore()
            if side.stopped is not None:
                side.kill()
        wait_until(lambda: not any(self.may_not_reach_redis(number) for number in range(2)), what="breakers")
        self.start_with([str(new_id()), str(new_id())])
        for account in self.accounts:
            self.change(0, account, "write", [])

    @rule(number=SIDES, which=WHICH, is_batch=st.booleans())
    def read(self, number: int, which: int, is_batch: bool = False) -> None:
        self.look_up(self.free(number), self.accounts[which], [], is_batch=is_batch)

    @rule(number=SIDES, which=WHICH, is_batch=st.booleans())
    def read_and_wait(self, number: int, which: int, is_batch: bool = False) -> None:
        """A reader stands between the database and the cache, if the cache has nothing."""
        self.look_up(self.free(number), self.accounts[which], ["after_select"], is_batch=is_batch)

    @rule(number=SIDES, which=WHICH, kind=KINDS)
    def write(self, number: int, which: int, kind: str) -> None:
        self.change(self.free(number), self.accounts[which], kind, [])

    @rule(number=SIDES, which=WHICH, kind=KINDS, place=st.sampled_from(["before_commit", "after_commit"]))
    def write_and_wait(self, number: int, which: int, kind: str, place: str) -> None:
        """A writer stands before his commit, or between his commit and the cache."""
        self.change(self.free(number), self.accounts[which], kind, [place])

    @precondition(lambda self: "cut" in self.mishaps)
    @rule(number=SIDES, which=WHICH, kind=KINDS)
    def write_without_redis(self, number: int, which: int, kind: str) -> None:
        """A writer is cut from Redis, and only he."""
        free = self.free(number)
        if free is None or self.was_cut or self.is_locked(self.accounts[which]):
            return
        self.was_cut = True
        self.world.sides[free].link.cut()
        self.change(free, self.accounts[which], kind, [])
        self.world.sides[free].link.restore()

    @precondition(lambda self: self.waiting())
    @rule(number=SIDES)
    def go(self, number: int) -> None:
        waiting = self.busy(number)
        side = self.world.sides[waiting]
        assert side.stopped is not None
        side.stopped["was_cut"] |= self.may_not_reach_redis(waiting)
        self.go_on(waiting, side.ask(do="go"))

    @precondition(lambda self: "kill" in self.mishaps and self.waiting())
    @rule(number=SIDES)
    def kill(self, number: int) -> None:
        side = self.world.sides[self.busy(number)]
        operation = side.stopped
        assert operation is not None
        side.kill()
        if operation["do"] != "read" and operation["at"] == "after_commit":
            operation["was_killed"] = True
            self.acknowledge(operation)  # whoever reads it elsewhere may rely on it

    @precondition(lambda self: "cut" in self.mishaps)
    @rule(number=SIDES)
    def cut(self, number: int) -> None:
        link = self.world.sides[number].link
        if link.is_cut:
            link.restore()
        elif not self.was_cut:  # whoever was cut off counts for less for a while
            self.was_cut = True
            link.cut()

    @rule()
    def relay(self) -> None:
        self.world.worker.ask(do="relay", account=self.accounts[0])
        self.least = dict(self.later)

    @precondition(lambda self: "restart" in self.mishaps)
    @rule()
    def restart_redis(self) -> None:
        self.world.redis.restart()

    @precondition(lambda self: "move" in self.mishaps)
    @rule(which=WHICH)
    def move_value(self, which: int) -> None:
        """Somebody who can write to Redis puts one account's value under the other's key."""
        source, target = self.accounts[which], self.accounts[1 - which]
        if source in self.overwritten:
            return  # that would bring the target's own old value back, which nothing can tell from a new one
        self.overwritten.add(target)
        with Redis.from_url(self.world.redis.url()) as redis:
            for key in redis.keys(f"*{source}*"):
                redis.set(key.replace(source.encode(), target.encode()), redis.get(key) or b"")

    @invariant()
    def each_side_shows_enough(self) -> None:
        """Read everywhere where it does not disturb what waits."""
        for number in range(2):
            for account in getattr(self, "accounts", ()):
                if self.least[account] and self.is_free(number):
                    self.look_up(number, account, [])

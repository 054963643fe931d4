"""Operations of two processes of users on a few accounts, and what every read has to show of them."""

from typing import Any, ClassVar

from hypothesis.stateful import RuleBasedStateMachine

from shared.chassis.clock import utcnow
from tests.users.cache_faults import Fault, Suspects
from tests.users.cache_world import World

BREAKER_SECONDS = 2.0  # after which a process has found that Redis is there again, half a second and some


class Operations(RuleBasedStateMachine):
    """Of one example of the model."""

    world: ClassVar[World]
    known: ClassVar[set[type[Fault]]] = set()  # what a walk has found before, and passes over

    def start_with(self, accounts: list[str]) -> None:
        """Nothing has happened to these yet."""
        self.accounts = accounts
        self.least = dict.fromkeys(self.accounts, 0)  # no read may show less
        self.later = dict.fromkeys(self.accounts, 0)  # nor this, once the relay has been there
        self.overwritten: set[str] = set()  # whose key had another's value
        self.suspects = Suspects(self.accounts)
        self.was_cut = False
        self.number = 0

    def body(self, account: str) -> dict[str, Any]:
        self.number += 1
        return {
            "id": account,
            "email": f"{self.number}@example.org",
            "display_name": "Ada",
            "locale": "en",
            "roles": [],
            "is_active": True,
            "is_verified": True,
            "created_at": utcnow().isoformat(),
        }

    def may_not_reach_redis(self, number: int) -> bool:
        return self.world.sides[number].link.was_cut_within(BREAKER_SECONDS)

    def begin_operation(self, number: int, operation: dict[str, Any]) -> None:
        side = self.world.sides[number]
        told = {"body": self.body(operation["account"]), "name": f"N{self.number}", **operation}
        operation["least"] = self.least[operation["account"]]
        operation["was_cut"] = self.may_not_reach_redis(number)
        side.stopped = operation
        self.go_on(number, side.ask(**told))

    def go_on(self, number: int, answer: dict[str, Any]) -> None:
        side = self.world.sides[number]
        operation = side.stopped
        assert operation is not None
        if "stopped" in answer:
            operation["at"] = answer["stopped"]
            return
        side.stopped = None
        if operation["do"] == "read":
            self.suspects.read(operation, self.waiting())
            self.check(operation, answer)
        else:
            self.acknowledge(operation)

    def check(self, operation: dict[str, Any], answer: dict[str, Any]) -> None:
        assert answer["status"] == 200
        fault = self.suspects.fault_of(operation, answer)
        if fault is not None and type(fault) not in self.known:
            raise fault

    def acknowledge(self, operation: dict[str, Any]) -> None:
        account = operation["account"]
        version = self.world.version(account)
        self.suspects.written(operation, self.waiting())
        self.later[account] = max(self.later[account], version)
        if not operation["was_cut"]:
            self.least[account] = max(self.least[account], version)

    def waiting(self) -> list[dict[str, Any]]:
        return [side.stopped for side in self.world.sides if side.stopped]

    def is_free(self, number: int) -> bool:
        return self.world.sides[number].stopped is None

    def is_locked(self, account: str) -> bool:
        return any(
            operation["account"] == account and operation.get("at") == "before_commit"
            for operation in self.waiting()
        )

    def is_readable(self, account: str) -> bool:
        """Who makes a profile waits for who else does; who reads one waits for nobody."""
        return not self.is_locked(account) or self.world.version(account) > 0

    def free(self, number: int) -> int | None:
        """That side, or else the other one: so that few steps do nothing."""
        return next((each for each in (number, 1 - number) if self.is_free(each)), None)

    def busy(self, number: int) -> int:
        """The same of those that wait; there is one."""
        return next(each for each in (number, 1 - number) if not self.is_free(each))

    def look_up(self, number: int | None, account: str, stops: list[str], *, is_batch: bool = False) -> None:
        if number is not None and self.is_readable(account):
            asked = {"do": "read", "account": account, "stops": stops, "is_batch": is_batch}
            self.begin_operation(number, asked)

    def change(self, number: int | None, account: str, kind: str, stops: list[str]) -> None:
        if number is not None and not self.is_locked(account):
            self.begin_operation(number, {"do": kind, "account": account, "stops": stops})

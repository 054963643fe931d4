"""What a cache can do wrong, each told by what had happened to the account before: so a walk can say what it
found, and go on looking for the others. Where two of them may have been it, it is none of them by name.
"""

from collections.abc import Iterable
from typing import Any

Operation = dict[str, Any]


class Fault(AssertionError):
    """A read showed what it may not."""

    def __init__(self, seen: str) -> None:
        super().__init__(f"{self.__doc__} {seen}")


class OfAnother(Fault):
    """A value under the key of another account was shown."""


class ReadBesideMessage(Fault):
    """A reader brought the old value back between a message's step and its commit."""


class Overtaken(Fault):
    """A writer that was overtaken by another replaced the newer value."""


class Unheard(Fault):
    """A writer that did not reach Redis left the old value there."""


class Killed(Fault):
    """A writer that was killed between commit and cache left the old value there."""


class ReaderOvertaken(Fault):
    """A reader kept what he had read before another one wrote."""


class Unclear(Fault):
    """An older value than the last acknowledged one was shown."""


class Suspects:
    """What each account has met that may lead to an old value."""

    def __init__(self, accounts: Iterable[str]) -> None:
        self._met: dict[str, set[type[Fault]]] = {account: set() for account in accounts}

    def read(self, operation: Operation, waiting: Iterable[Operation]) -> None:
        """A read has ended beside what waits."""
        for other in self._beside(operation, waiting):
            if other["do"] == "message" and other.get("at") == "before_commit":
                self._met[operation["account"]].add(ReadBesideMessage)

    def written(self, operation: Operation, waiting: Iterable[Operation]) -> None:
        """A write is acknowledged beside what waits."""
        met = self._met[operation["account"]]
        if operation.get("was_killed"):
            met.add(Killed)
        if operation["was_cut"]:
            met.add(Unheard)
        for other in self._beside(operation, waiting):
            met.add(ReaderOvertaken if other["do"] == "read" else Overtaken)

    def fault_of(self, operation: Operation, answer: dict[str, Any]) -> Fault | None:
        """What is wrong with the answer to a read."""
        account = operation["account"]
        if answer["id"] != account:
            return OfAnother(f"{answer['id']} for {account}")
        if answer["version"] >= operation["least"]:
            return None
        (kind, *others) = self._met[account] or {Unclear}
        return (Unclear if others else kind)(f"{answer['version']}, acknowledged {operation['least']}")

    @staticmethod
    def _beside(operation: Operation, waiting: Iterable[Operation]) -> Iterable[Operation]:
        return [
            other for other in waiting if other is not operation and other["account"] == operation["account"]
        ]

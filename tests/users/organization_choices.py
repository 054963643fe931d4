"""What is done next in a world: three of four operations should succeed, every fourth is hostile."""

from collections.abc import Iterator
from random import Random

from tests.users import organization_hostilities as hostilities
from tests.users.organization_operations import KINDS, View
from tests.users.organization_world import Operation, World

HOSTILE_ONE_IN = 4


class Choices:
    """What is done next, by chance; all kinds in turns, each turn in another order."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._kinds, self._hostilities = self._turns(KINDS), self._turns(hostilities.ALL)
        self._waiting: list[str] = []  # the kind for which something is missing
        self._count = 0

    def _turns(self, all_: tuple[str, ...]) -> Iterator[str]:
        while True:
            yield from self._chance.sample(all_, len(all_))

    def next(self, world: World) -> Operation:
        """The next operation: one that should succeed, or a hostile one."""
        self._count += 1
        view = View(world, self._chance)
        if self._count % HOSTILE_ONE_IN == 0:
            for _ in hostilities.ALL:
                found = hostilities.find(view, next(self._hostilities))
                if found is not None:
                    return found
        kind = self._waiting.pop() if self._waiting else next(self._kinds)
        operation = view.sensible(kind)
        if operation.kind != kind:
            self._waiting.append(kind)
        return operation

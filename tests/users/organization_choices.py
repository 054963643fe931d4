"""What is done next in a world: two of three operations should succeed, every third is hostile."""

from random import Random

from tests.users import organization_hostilities as hostilities
from tests.users.organization_operations import KINDS, View
from tests.users.organization_world import Operation, World

HOSTILE_ONE_IN = 3
MORE = ("create", "create", "invite")  # in each turn: what is deleted in it leaves several organizations


class Choices:
    """All kinds in turns, over several worlds: whatever could not be done for longest comes first."""

    def __init__(self) -> None:
        self._kinds, self._hostilities = [*MORE, *KINDS], list(hostilities.ALL)
        self._waiting: str | None = None  # the kind for which something is missing
        self._count = 0

    def next(self, world: World, chance: Random) -> Operation:
        """The next operation: one that should succeed, or a hostile one."""
        self._count += 1
        view = View(world, chance)
        found = self._hostile(view) if self._count % HOSTILE_ONE_IN == 0 else None
        return found or self._sensible(view)

    def _hostile(self, view: View) -> Operation | None:
        for hostility in self._hostilities:
            found = hostilities.find(view, hostility)
            if found is not None:
                self._hostilities.remove(hostility)
                self._hostilities.append(hostility)
                return found
        return None

    def _sensible(self, view: View) -> Operation:
        kind = self._waiting or self._kinds.pop(0)
        operation = view.sensible(kind)
        if operation.kind == kind:
            self._waiting = None
            self._kinds.append(kind)
        else:
            self._waiting = kind
        return operation

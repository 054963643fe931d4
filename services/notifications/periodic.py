"""Work that one worker does for all: whoever gets the turn, by PostgreSQL's clock.

The turn is a row that says when the work is due again. Whoever moves it on does the work; one that dies is
followed when its turn is over, and what was due while no worker ran is done at once.
"""

from datetime import datetime

from services.notifications.models import db
from services.notifications.store import periodic as store
from shared.chassis.database import transaction
from shared.chassis.housekeeping import Chore

EVERY_SECONDS = 300.0


class Turn:
    """One kind of work, as a worker sees it."""

    def __init__(self, name: str, seconds: float) -> None:
        self._name = name
        self._seconds = seconds

    def take(self) -> bool:
        """Whether the work is due, and ours until the next turn."""
        with transaction(db):
            return store.take(self._name, self._seconds)

    def keep(self) -> None:
        """Have the turn last on from now: the work is not done yet."""
        with transaction(db):
            store.keep(self._name, self._seconds)


def in_turn(name: str, chore: Chore, *, seconds: float = EVERY_SECONDS) -> Chore:
    """``chore`` done by one worker at a time; called until it finds nothing more, as the housekeeper does."""
    turn, is_ours = Turn(name, seconds), [False]

    def done(now: datetime) -> int:
        if is_ours[0]:
            turn.keep()
        elif not turn.take():
            return 0
        is_ours[0] = False  # unless it ends well
        found = chore(now)
        is_ours[0] = found > 0
        return found

    return done

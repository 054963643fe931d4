"""A process that kills itself while an account leaves: `python -m tests.system.leaving_points POINT COMMAND`.

``due`` in the place of a command deletes the accounts whose day has come, as auth's worker does now and then.
"""

import sys
from typing import NamedTuple

from deploy.cli import main
from services.auth.accounts import deletions
from services.notifications.recipients import recipients
from services.users.avatars import removal
from services.users.departures import erasure
from services.users.exports import collecting
from shared.chassis import messaging
from shared.chassis.clock import utcnow
from shared.chassis.messaging import Courier
from tests.crash_points import Point, arm


class Death(NamedTuple):
    """Which process ends at which point, after which request."""

    process: str
    request: str
    point: Point


DEATHS = {
    "part claimed": Death("users-worker-1", "copy", Point(collecting, "_collect", is_before=True)),
    "part stored": Death("users-worker-1", "copy", Point(collecting, "_finish", is_before=True)),
    "last part finished": Death("users-worker-1", "copy", Point(collecting, "_tell", is_before=False)),
    "account deleted": Death("due", "day", Point(deletions, "_delete", is_before=False)),
    "deletion not told": Death("auth-worker-1", "day", Point(messaging, "publish", is_before=True)),
    "deletion told": Death("auth-worker-1", "day", Point(messaging, "publish", is_before=False)),
    "pictures deleted": Death("users-worker-1", "day", Point(removal, "erase", is_before=False)),
    "users has erased": Death("users-worker-1", "day", Point(erasure, "_erase", is_before=False)),
    "notifications has erased": Death(
        "notifications-worker-1", "day", Point(recipients, "_erase", is_before=False)
    ),
    "confirmation stored": Death(
        "users-worker-1", "day", Point(erasure, "take_confirmation", is_before=False)
    ),
    "users has not acknowledged": Death(
        "users-worker-1", "day", Point(Courier, "_acknowledge", is_before=True)
    ),
    "notifications has not acknowledged": Death(
        "notifications-worker-1", "day", Point(Courier, "_acknowledge", is_before=True)
    ),
}


def delete_due() -> None:
    from services.auth.app import create_app

    with create_app().app_context():
        deletions.delete_due(utcnow())


if __name__ == "__main__":
    if sys.argv[1] in DEATHS:
        arm(DEATHS[sys.argv[1]].point)
    sys.argv[1:] = sys.argv[2:]
    if sys.argv[1:] == ["due"]:
        delete_due()
    else:
        main()

"""A worker that kills itself at a named point: `python -m tests.notifications.crash_points POINT COUNT`.

At its COUNTth time there it is gone, as with SIGKILL from outside, which meets such a point by chance alone.
"""

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from deploy.cli import main
from services.notifications.delivery import bells
from services.notifications.smtp.conversations import SmtpConnection
from services.notifications.store import attempts, queue


class Point(NamedTuple):
    """Before or after which function a process ends."""

    owner: Any
    function: str
    is_before: bool


POINTS = {
    "before_claim": Point(queue, "claim", is_before=True),
    "after_claim": Point(queue, "claim", is_before=False),
    "before_note": Point(attempts, "note_handover", is_before=True),
    "after_note": Point(attempts, "note_handover", is_before=False),
    "after_dot": Point(SmtpConnection, "_final_answer", is_before=True),
    "after_answer": Point(attempts, "finish", is_before=True),
    "after_finish": Point(attempts, "finish", is_before=False),
    "before_bell": Point(bells, "ring", is_before=True),
    "after_bell": Point(bells, "ring", is_before=False),
}


def arm(point: Point, times: int) -> None:
    """Let this process end when it comes there for that many times."""
    inner: Callable[..., Any] = getattr(point.owner, point.function)
    left = [times]

    @wraps(inner)
    def watched(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if point.is_before and left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = inner(*arguments, **options)
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(point.owner, point.function, watched)


if __name__ == "__main__":
    arm(POINTS[sys.argv[1]], int(sys.argv[2]))
    sys.argv[1:] = ["work", "notifications"]
    main()

"""A worker that kills itself at a named point: `python -m tests.notifications.crash_points POINT COUNT`.

At its COUNTth time there it is gone, as with SIGKILL from outside, which meets such a point by chance alone.
"""

import sys

from deploy.cli import main
from services.notifications.delivery import bells
from services.notifications.smtp.conversations import SmtpConnection
from services.notifications.store import attempts, queue
from tests.crash_points import Point, arm

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


if __name__ == "__main__":
    arm(POINTS[sys.argv[1]], int(sys.argv[2]))
    sys.argv[1:] = ["work", "notifications"]
    main()

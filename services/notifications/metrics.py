"""What notifications counts: attempts where they are made, in its workers; and how long messages wait."""

from prometheus_client import Counter, Gauge, Histogram

from services.notifications.lanes import LANES
from services.notifications.store import queue

EMAILS = Counter("doorward_emails_total", "Attempts at mails by their end.", ["template", "result"])
ATTEMPTS = Counter(
    "doorward_attempts_total", "Attempts by the mail server and their outcome.", ["server", "outcome"]
)
HANDOVER_SECONDS = Histogram(
    "doorward_handover_seconds",
    "Time from when a message was due until a mail server took it.",
    ["lane"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 1800, 7200, 43200),
)
OLDEST_DUE = Gauge(
    "doorward_emails_oldest_due_seconds",
    "How long the message that is due for longest has been waiting.",
    multiprocess_mode="mostrecent",
)
LANE_DUE = Gauge(
    "doorward_lane_oldest_due_seconds",
    "How long the message of this lane that is due for longest has been waiting.",
    ["lane"],
    multiprocess_mode="mostrecent",
)
BREAKER = Gauge(
    "doorward_mail_server_breaker",
    "Whether a mail server is used: 0 closed, 1 tried with one message, 2 left alone.",
    ["server"],
    multiprocess_mode="max",
)


def measure() -> None:
    """Look how long messages wait; raises where the database does not answer."""
    seconds = queue.due_seconds()
    OLDEST_DUE.set(max(seconds.values(), default=0.0))
    for lane in LANES:
        LANE_DUE.labels(lane).set(seconds.get(lane, 0.0))

"""What notifications counts: attempts where they are made, in its workers; and how long mails wait."""

from prometheus_client import Counter, Gauge

from services.notifications.models import db
from services.notifications.store import attempts
from shared.chassis.clock import utcnow

EMAILS = Counter("doorward_emails_total", "Attempts at mails by their end.", ["template", "result"])
OLDEST_DUE = Gauge(
    "doorward_emails_oldest_due_seconds",
    "How long the mail that is due for longest has been waiting.",
    multiprocess_mode="mostrecent",
)


def measure() -> None:
    """Look how long mails wait; raises where the database does not answer."""
    OLDEST_DUE.set(attempts.oldest_due_seconds(utcnow()))
    db.session.rollback()

"""What notifications counts."""

from prometheus_client import Counter, Gauge

EMAILS = Counter("doorward_emails_total", "Attempts at mails by their end.", ["template", "result"])
OLDEST_DUE = Gauge(
    "doorward_emails_oldest_due_seconds",
    "How long the mail that is due for longest has been waiting.",
    multiprocess_mode="max",
)

"""The tables of notifications, one file a subject; whoever needs a table imports it from here.

So every table is known wherever one of them is, which migrations and foreign keys rely on.
"""

from services.notifications.models.chassis import IdempotencyKey, Inbox, Outbox
from services.notifications.models.database import db, table_of
from services.notifications.models.deliveries import ANSWER_WORDS, ENDED, WAITING, Attempt, Delivery
from services.notifications.models.events import Event
from services.notifications.models.messages import Message
from services.notifications.models.recipients import Recipient
from services.notifications.models.templates import StoredTemplate, TemplateVersion
from services.notifications.models.topics import Topic
from services.notifications.models.workers import PeriodicWork, Worker

__all__ = [
    "ANSWER_WORDS",
    "ENDED",
    "WAITING",
    "Attempt",
    "Delivery",
    "Event",
    "IdempotencyKey",
    "Inbox",
    "Message",
    "Outbox",
    "PeriodicWork",
    "Recipient",
    "StoredTemplate",
    "TemplateVersion",
    "Topic",
    "Worker",
    "db",
    "table_of",
]

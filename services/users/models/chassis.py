"""The tables that every service has, from the chassis."""

from services.users.models.database import Model
from shared.chassis.idempotency import IdempotencyMixin
from shared.chassis.inbox import InboxMixin
from shared.chassis.outbox import OutboxMixin


class Outbox(OutboxMixin, Model):
    """Messages that wait to be told."""


class Inbox(InboxMixin, Model):
    """Messages that were handled."""


class IdempotencyKey(IdempotencyMixin, Model):
    """Requests that were done under a key."""

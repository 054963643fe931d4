"""Who hears what: the queues, the task names and the subscriptions of every service.

A service reaches another only by these names, never by an import.
"""

from collections.abc import Mapping

from shared.contracts import messages
from shared.contracts.messages import Message

SERVICES = ("auth", "users", "notifications")

# The queues that each service's Celery worker takes from.
QUEUES: Mapping[str, tuple[str, ...]] = {
    "auth": ("auth",),
    "users": ("users",),
    "notifications": ("notifications", "notifications.delivery"),
}

# Which services receive a message of each kind.
SUBSCRIBERS: Mapping[type[Message], tuple[str, ...]] = {
    messages.AccountRegistered: ("users",),
    messages.AccountVerified: ("users", "notifications"),
    messages.AccountDisabled: ("users", "notifications"),
    messages.AccountEnabled: ("users",),
    messages.RolesChanged: ("users",),
    messages.EmailChanged: ("users", "notifications"),
    messages.AccountDeleted: ("users", "notifications"),
    messages.SignedInFromNewDevice: ("notifications",),
    messages.PasswordChanged: ("notifications",),
    messages.SendEmail: ("notifications",),
}


def receive_task(service: str, message_name: str) -> str:
    """The Celery task by which ``service`` takes messages of that name."""
    return f"{service}.{message_name}"


def acknowledge_task(service: str) -> str:
    """The Celery task by which ``service`` hears that its message was handled."""
    return f"{service}.acknowledge"


DELIVER_TASK = "notifications.deliver"
DELIVERY_QUEUE = "notifications.delivery"

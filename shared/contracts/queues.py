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
    "notifications": (
        "notifications",
        "notifications.urgent",
        "notifications.normal",
        "notifications.bulk",
    ),
}

# Which services receive a message of each kind.
SUBSCRIBERS: Mapping[type[Message], tuple[str, ...]] = {
    messages.AccountRegistered: ("users", "notifications"),
    messages.AccountVerified: ("users", "notifications"),
    messages.AccountDisabled: ("users", "notifications"),
    messages.AccountEnabled: ("users", "notifications"),
    messages.RolesChanged: ("users", "notifications"),
    messages.EmailChanged: ("users", "notifications"),
    messages.AccountDeleted: ("users", "notifications"),
    messages.ErasureWanted: ("auth", "notifications"),
    messages.ErasureConfirmed: ("users",),
    messages.ProfileChanged: ("auth", "notifications"),
    messages.OrganizationChanged: ("notifications",),
    messages.MembershipChanged: ("auth", "notifications"),
    messages.SignedInFromNewDevice: ("notifications",),
    messages.PasswordChanged: ("notifications",),
    messages.SendEmail: ("notifications",),
}

# What a service hears in the order in which it happened, one subject after the other: by the field that names
# the subject. Whatever else a service hears may overtake.
IN_ORDER: Mapping[str, Mapping[type[Message], str]] = {
    "notifications": {
        messages.AccountRegistered: "account_id",
        messages.AccountVerified: "account_id",
        messages.AccountDisabled: "account_id",
        messages.AccountEnabled: "account_id",
        messages.RolesChanged: "account_id",
        messages.EmailChanged: "account_id",
        messages.AccountDeleted: "account_id",
        messages.ProfileChanged: "account_id",
        messages.OrganizationChanged: "organization_id",
        messages.MembershipChanged: "organization_id",
    },
}


def order_key(message: Message, subscriber: str) -> str | None:
    """The subject within which ``subscriber`` hears ``message`` in order; None where it may overtake."""
    field = IN_ORDER.get(subscriber, {}).get(type(message))
    return None if field is None else f"{field}:{getattr(message, field)}"


def receive_task(service: str, message_name: str) -> str:
    """The Celery task by which ``service`` takes messages of that name."""
    return f"{service}.{message_name}"


def acknowledge_task(service: str) -> str:
    """The Celery task by which ``service`` hears that its message was handled."""
    return f"{service}.acknowledge"


# The bell of notifications' worker: a lane has work. It names no message.
DRAIN_TASK = "notifications.drain"


def lane_queue(lane: str) -> str:
    """The queue of the bells of one of notifications' lanes."""
    return f"notifications.{lane}"

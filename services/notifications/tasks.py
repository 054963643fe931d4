"""What notifications does when a message arrives or a bell rings."""

from collections.abc import Mapping

from celery import Celery

from services.notifications.delivery import draining
from services.notifications.events import recording
from services.notifications.events.recording import after
from services.notifications.messages import acceptance, notices
from services.notifications.recipients import recipients
from shared.chassis.messaging import Handler
from shared.contracts import messages, queues
from shared.contracts.messages import Message

HANDLERS: Mapping[type[Message], Handler] = {
    messages.SendEmail: acceptance.take,
    messages.SignedInFromNewDevice: notices.tell_of_new_device,
    messages.PasswordChanged: notices.tell_of_new_password,
    messages.AccountDisabled: after(notices.tell_of_disabling),
    messages.AccountRegistered: after(recipients.know),
    messages.AccountVerified: after(recipients.know),
    messages.AccountEnabled: recording.record,
    messages.RolesChanged: recording.record,
    messages.EmailChanged: after(recipients.know_new_address),
    messages.ProfileChanged: after(recipients.know_profile),
    messages.OrganizationChanged: recording.record,
    messages.MembershipChanged: recording.record,
    messages.AccountDeleted: after(recipients.forget),
    messages.ErasureWanted: after(recipients.forget_again, recording.forget_again),
}


def register(celery: Celery) -> None:
    """Make the draining of a lane a task. Its bell is worth nothing once it was heard: so it is not kept."""
    celery.task(name=queues.DRAIN_TASK, acks_late=False)(draining.drain)

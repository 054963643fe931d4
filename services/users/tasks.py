"""What users does when a message arrives."""

from collections.abc import Mapping

from services.users import profiles
from shared.chassis.messaging import Handler
from shared.contracts import messages
from shared.contracts.messages import Message

HANDLERS: Mapping[type[Message], Handler] = {
    messages.AccountRegistered: profiles.register,
    messages.AccountVerified: profiles.mirror,
    messages.AccountDisabled: profiles.mirror,
    messages.AccountEnabled: profiles.mirror,
    messages.RolesChanged: profiles.mirror,
    messages.EmailChanged: profiles.mirror,
    messages.AccountDeleted: profiles.forget,
}

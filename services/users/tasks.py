"""What users does when a message arrives."""

from collections.abc import Mapping

from services.users.departures import erasure
from services.users.profiles import mirroring
from shared.chassis.messaging import Handler
from shared.contracts import messages
from shared.contracts.messages import Message

HANDLERS: Mapping[type[Message], Handler] = {
    messages.AccountRegistered: mirroring.register,
    messages.AccountVerified: mirroring.mirror,
    messages.AccountDisabled: mirroring.mirror,
    messages.AccountEnabled: mirroring.mirror,
    messages.RolesChanged: mirroring.mirror,
    messages.EmailChanged: mirroring.mirror,
    messages.AccountDeleted: erasure.forget,
    messages.ErasureConfirmed: erasure.take_confirmation,
}

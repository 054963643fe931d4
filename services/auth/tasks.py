"""What auth's worker does when a message arrives, and how it grants the mails that requests asked for."""

from collections.abc import Mapping

from services.auth.accounts import deletions, directory, email_changes, registration
from services.auth.mail.mail_requests import Handler as MailRequestHandler
from services.auth.passwords import changes
from services.auth.sessions import organizations
from services.auth.sign_in import email_codes
from shared.chassis.messaging import Handler
from shared.contracts.messages import ErasureWanted, MembershipChanged, Message, ProfileChanged

HANDLERS: Mapping[type[Message], Handler] = {
    ProfileChanged: directory.take_profile,
    MembershipChanged: organizations.take_membership,
    ErasureWanted: deletions.delete_again,
}

MAIL_REQUESTS: Mapping[str, MailRequestHandler] = {
    "register": registration.grant_registration,
    "resend": registration.grant_resend,
    "password_reset": changes.grant_reset,
    "sign_in_code": email_codes.grant,
    "email_change": email_changes.grant,
}

"""What auth's worker does: it hears no messages yet, and grants the mails that requests have asked for."""

from collections.abc import Mapping

from services.auth import email_changes, email_codes, recovery, registration
from services.auth.mail_requests import Handler as MailRequestHandler
from shared.chassis.messaging import Handler
from shared.contracts.messages import Message

HANDLERS: Mapping[type[Message], Handler] = {}

MAIL_REQUESTS: Mapping[str, MailRequestHandler] = {
    "register": registration.grant_registration,
    "resend": registration.grant_resend,
    "password_reset": recovery.grant_reset,
    "sign_in_code": email_codes.grant,
    "email_change": email_changes.grant,
}

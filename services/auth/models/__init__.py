"""The tables of auth, one file a subject; whoever needs a table imports it from here.

So every table is known wherever one of them is, which migrations and foreign keys rely on.
"""

from services.auth.models.accounts import HAS_PASSWORD, HASH_PARAMETERS, Account
from services.auth.models.api_keys import ApiKey
from services.auth.models.audit_events import AuditEvent
from services.auth.models.challenges import Challenge, Ticket
from services.auth.models.chassis import IdempotencyKey, Inbox, Outbox
from services.auth.models.database import db
from services.auth.models.devices import Device
from services.auth.models.email_undos import EmailUndo
from services.auth.models.factors import RecoveryCode, TotpFactor
from services.auth.models.keys import KeptKey, SigningKey
from services.auth.models.mail_requests import MailRequest
from services.auth.models.memberships import Membership
from services.auth.models.passkeys import Passkey
from services.auth.models.registrations import Registration
from services.auth.models.revocations import Revocation
from services.auth.models.sessions import Session
from services.auth.models.throttles import Throttle

__all__ = [
    "HASH_PARAMETERS",
    "HAS_PASSWORD",
    "Account",
    "ApiKey",
    "AuditEvent",
    "Challenge",
    "Device",
    "EmailUndo",
    "IdempotencyKey",
    "Inbox",
    "KeptKey",
    "MailRequest",
    "Membership",
    "Outbox",
    "Passkey",
    "RecoveryCode",
    "Registration",
    "Revocation",
    "Session",
    "SigningKey",
    "Throttle",
    "Ticket",
    "TotpFactor",
    "db",
]

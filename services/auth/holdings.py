"""What auth's tables have on an account: what its owner gets a copy of, and what says nothing to anybody."""

from services.auth.models import (
    Account,
    ApiKey,
    AuditEvent,
    Challenge,
    Device,
    EmailUndo,
    Membership,
    Outbox,
    Passkey,
    RecoveryCode,
    Revocation,
    Session,
    Ticket,
    TotpFactor,
)
from shared.chassis.holdings import Exported, Holdings, LeftOut

HOLDINGS: Holdings = (
    Exported(Account, lambda id_: Account.id == id_, frozenset({"password_hash"})),
    Exported(
        Session,
        lambda id_: Session.account_id == id_,
        frozenset({"counter", "rotations", "milestones", "received"}),
    ),
    Exported(Device, lambda id_: Device.account_id == id_, frozenset({"token_hash"})),
    Exported(ApiKey, lambda id_: ApiKey.account_id == id_, frozenset({"key_hash"})),
    Exported(Passkey, lambda id_: Passkey.account_id == id_, frozenset({"credential_id", "public_key"})),
    Exported(TotpFactor, lambda id_: TotpFactor.account_id == id_, frozenset({"sealed_secret", "last_step"})),
    Exported(EmailUndo, lambda id_: EmailUndo.account_id == id_, frozenset({"token_hash"})),
    # Who else acted on the account is that person's.
    Exported(
        AuditEvent,
        lambda id_: AuditEvent.account_id == id_,
        frozenset({"actor_id", "credential_id", "request_id"}),
    ),
    LeftOut(Membership, "A copy of what users exports."),
    LeftOut(Challenge, "Hashes of mailed codes that live for minutes."),
    LeftOut(Ticket, "Hashes of what was begun a moment ago."),
    LeftOut(RecoveryCode, "Hashes of codes that only the owner has."),
    LeftOut(Revocation, "Which access tokens the gateways refuse, until the last of them has expired."),
    LeftOut(Outbox, "Encrypted messages to other services, until these have handled them."),
)

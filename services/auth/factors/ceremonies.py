"""A passkey ceremony: a challenge that the browser answers, kept in a ticket that serves once."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from services.auth.codes import new_token
from services.auth.deps import deps
from services.auth.errors import PasskeyInvalid
from services.auth.store import challenges
from shared.chassis.clock import utcnow

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the browser is given, and the token that comes back with its answer."""

    passkey_token: str
    options: dict[str, Any]


def keep(purpose: str, challenge: bytes, account_id: UUID | None) -> str:
    """Keep the challenge in the caller's transaction; the token to come back with."""
    token = new_token()
    challenges.add_ticket(
        token_hash=deps().codes.hash(purpose, token),
        purpose=purpose,
        account_id=account_id,
        details={"challenge": bytes_to_base64url(challenge)},
        expires_at=utcnow() + LIFETIME,
    )
    return token


def take(purpose: str, token: str, account_id: UUID | None) -> bytes:
    """Take the challenge away, in the caller's transaction; raises PasskeyInvalid."""
    ticket = challenges.take_ticket(purpose, deps().codes.hashes(purpose, token), utcnow())
    if ticket is None or ticket.account_id != account_id:
        raise PasskeyInvalid
    return base64url_to_bytes(ticket.details["challenge"])

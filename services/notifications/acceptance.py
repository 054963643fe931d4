"""The use cases that accept a mail: from then on it is sent, or its timeline tells why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from services.notifications import catalog
from services.notifications.deps import deps
from services.notifications.errors import RecipientUnknown
from services.notifications.models import Notification, db
from services.notifications.rendering import FALLBACK_LOCALE
from services.notifications.sender import new_message_id
from services.notifications.store import mails as store
from services.notifications.store import recipients
from shared.chassis import tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import SendEmail

CHANNEL = "doorward_deliveries"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A mail that somebody wants sent."""

    template: str
    to_email: str
    locale: str
    topic: str
    variables: Mapping[str, str] = field(repr=False)
    account_id: UUID | None = None
    requested_by: UUID | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None


def take(message: SendEmail) -> None:
    """Accept a mail that another service asked for; in the courier's transaction."""
    take_wanted(
        Wanted(
            template=message.template,
            to_email=message.to_email,
            locale=message.locale,
            topic=message.topic,
            variables=message.variables,
            account_id=message.account_id,
            expires_at=message.expires_at,
        )
    )


def accept(
    *,
    template: str,
    to: Mapping[str, Any],
    variables: dict[str, str],
    locale: str | None,
    topic: str,
    send_at: datetime | None,
    requested_by: UUID,
) -> dict[str, Any]:
    """Accept a mail that a caller of the API asked for; raises the errors of a mail that cannot be."""
    catalog.check(template, variables)
    with transaction(db):
        to_email, known_locale = _resolve(to)
        notification = take_wanted(
            Wanted(
                template=template,
                to_email=to_email,
                locale=locale or known_locale,
                topic=topic,
                variables=variables,
                account_id=to.get("user_id"),
                requested_by=requested_by,
                send_at=send_at,
            )
        )
        return {"id": notification.id, "status": notification.status}


def _resolve(to: Mapping[str, Any]) -> tuple[str, str]:
    """The address and the language of ``{email}`` or ``{user_id}``."""
    if "email" in to:
        return to["email"], FALLBACK_LOCALE
    recipient = recipients.find(to["user_id"])
    if recipient is None:
        raise RecipientUnknown
    return recipient.email, recipient.locale or FALLBACK_LOCALE


def take_wanted(wanted: Wanted) -> Notification:
    """Accept a mail in the caller's transaction."""
    now = utcnow()
    due_at = max(now, wanted.send_at or now)
    notification_id = new_id()
    template = catalog.find(wanted.template)
    notification = Notification(
        id=notification_id,
        template=wanted.template,
        template_version=template.version if template else 1,
        locale=wanted.locale,
        topic=wanted.topic,
        to_email=wanted.to_email.casefold(),
        account_id=wanted.account_id,
        requested_by=wanted.requested_by,
        sealed_variables=deps().sealer.seal(orjson.dumps(dict(wanted.variables))),
        status="scheduled" if due_at > now else "queued",
        trace=tracing.current_headers(),
        message_id=new_message_id(notification_id, deps().settings.mail_from),
        attempts=0,
        due_at=due_at,
        next_attempt_at=due_at,
        expires_at=wanted.expires_at,
        created_at=now,
        updated_at=now,
    )
    store.add(notification, "accepted", now)
    ring()
    return notification


def ring() -> None:
    """Wake the relay of a worker when the transaction commits."""
    db.session.execute(text(f"NOTIFY {CHANNEL}"))

"""The use cases that accept a message: from then on it is sent, or its timeline says why not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from services.notifications.delivery.sender import new_message_id
from services.notifications.deps import deps
from services.notifications.errors import RecipientUnknown, TemplateUnknown
from services.notifications.lanes import NORMAL
from services.notifications.messages import links, topics
from services.notifications.models import db
from services.notifications.recipients import protection
from services.notifications.rendering import catalog, version_choice
from services.notifications.rendering.rendering import FALLBACK_LOCALE
from services.notifications.rendering.versions import Version
from services.notifications.store import messages as store
from services.notifications.store import queue, recipients
from shared.chassis import addresses, idempotency, tracing
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import SendEmail


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message that somebody wants sent."""

    template: str
    to_email: str
    locale: str
    topic: str
    variables: Mapping[str, str] = field(repr=False)
    account_id: UUID | None = None
    requested_by: UUID | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    lane: str | None = None  # where it is not the template's


def take(message: SendEmail) -> None:
    """Accept a message that another service asked for; in the courier's transaction."""
    take_wanted(
        Wanted(
            template=message.template,
            to_email=_as_mailed(message.to_email),
            locale=message.locale,
            topic=message.topic,
            variables=message.variables,
            account_id=message.account_id,
            expires_at=message.expires_at,
        )
    )


def _as_mailed(text: str) -> str:
    """The address as mail goes to it, or as it is: then it fails when it is sent, and says why."""
    try:
        return addresses.deliverable(text, takes_test_domains=True)
    except addresses.AddressInvalid:
        return text


def accept(
    *,
    template: str,
    to: Mapping[str, Any],
    variables: dict[str, str],
    locale: str | None,
    topic: str,
    send_at: datetime | None,
    requested_by: UUID,
    given_topics: Collection[str] | None,
) -> dict[str, Any]:
    """Accept a message that a caller of the API asked for; raises the errors of one that cannot be sent.

    ``given_topics``: the only ones that the caller may send about; None: see ``topics.check``.
    """
    with transaction(db):
        version = version_choice.current(template)
        if version is None:
            raise TemplateUnknown
        catalog.check(version.template, variables)
        links.check(variables, deps().settings.allowed_link_hosts, version.template.links)
        topics.check(topic, given_topics)
        to_email, known_locale = _resolve(to)
        message_id, status = take_wanted(
            Wanted(
                template=template,
                to_email=to_email,
                locale=locale or known_locale,
                topic=topic,
                variables=variables,
                account_id=to.get("user_id"),
                requested_by=requested_by,
                send_at=send_at,
            ),
            version,
        )
        return {"id": message_id, "status": status}


def _resolve(to: Mapping[str, Any]) -> tuple[str, str]:
    """The address and the language of ``{email}`` or ``{user_id}``."""
    if "email" in to:
        return to["email"], FALLBACK_LOCALE
    recipient = recipients.find(to["user_id"])
    if recipient is None or recipient.email is None:
        raise RecipientUnknown
    return recipient.email, recipient.locale or FALLBACK_LOCALE


def take_wanted(wanted: Wanted, version: Version | None = None) -> tuple[UUID, str]:
    """Accept a message in the caller's transaction: its id and status."""
    message_id = new_id()
    version = version or version_choice.current(wanted.template)
    lane = wanted.lane or (version.template.lane if version else NORMAL)
    address_key = addresses.search_form(wanted.to_email)
    content_hash = protection.hash_of(address_key, wanted.template, wanted.locale, wanted.variables)
    message = {
        "id": message_id,
        "template": wanted.template,
        "template_version": version.number if version else 1,
        "locale": wanted.locale,
        "topic": wanted.topic,
        "account_id": wanted.account_id,
        "requested_by": wanted.requested_by,
        "sealed_variables": deps().sealer.seal(orjson.dumps(dict(wanted.variables))),
        "trace": tracing.current_headers(),
        "expires_at": wanted.expires_at,
        "content_hash": content_hash,
        "idempotency_key": keep_key(),
    }
    delivery = {
        "id": new_id(),
        "message_id": message_id,
        "channel": "email",
        "lane": lane,
        "address": wanted.to_email,
        "address_key": address_key,
        "header_message_id": new_message_id(message_id, deps().settings.sender[1]),
    }
    against = protection.reason_against(
        address_key=address_key, lane=lane, content_hash=content_hash, send_at=wanted.send_at
    )
    if against is not None:
        store.add_suppressed(message, delivery, against)
        return message_id, "suppressed"
    status = store.add(message, delivery, send_at=wanted.send_at)
    if status == "queued":
        ring()
    return message_id, status


def keep_key() -> str | None:
    """Have the answer to this request kept as long as its message; the row of the request, if it has one."""
    key_hash = idempotency.current_key_hash()
    if key_hash is not None:
        store.keep_key(key_hash)
    return key_hash


def ring() -> None:
    """Wake the relay of a worker when the transaction commits."""
    db.session.execute(text(f"NOTIFY {queue.CHANNEL}"))

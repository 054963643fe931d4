"""`/api/v1/notifications`: messages, from acceptance to their end."""

from typing import Any
from uuid import UUID

from services.notifications.messages import acceptance, messages
from services.notifications.schemas.messages import (
    AcceptedSchema,
    NotificationPageSchema,
    NotificationQuerySchema,
    NotificationWithTimelineSchema,
    ResolveSchema,
    SendSchema,
)
from shared.chassis.access import caller, requires_role, requires_scope
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint
from shared.contracts.tokens import SEND_SCOPE

blueprint = Blueprint(
    "messages",
    __name__,
    url_prefix="/api/v1/notifications",
    description="Send messages and see what became of them.",
)


@blueprint.post("")
@requires_scope(SEND_SCOPE, is_narrowable=True)
@idempotent
@blueprint.arguments(SendSchema)
@blueprint.response(202, AcceptedSchema)
def send(body: dict[str, Any]) -> dict[str, Any]:
    """Send a message. 202 means that it is stored and will be sent; its timeline shows what became of it."""
    who = caller()
    return acceptance.accept(**body, requested_by=who.account_id, given_topics=who.narrowed_to(SEND_SCOPE))


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(NotificationQuerySchema, location="query")
@blueprint.response(200, NotificationPageSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """List the messages that match, newest first."""
    return messages.search(**query, who=caller())


@blueprint.get("/<uuid:message_id>")
@requires_scope(SEND_SCOPE, is_narrowable=True)
@blueprint.response(200, NotificationWithTimelineSchema)
def show(message_id: UUID) -> dict[str, Any]:
    """Get a message with its timeline. An API key sees only the messages of its own account."""
    return messages.get(message_id, caller())


@blueprint.post("/<uuid:message_id>/cancel")
@requires_scope(SEND_SCOPE, is_narrowable=True)
@blueprint.response(200, NotificationWithTimelineSchema)
def cancel(message_id: UUID) -> dict[str, Any]:
    """Cancel a message that is not being sent yet."""
    return messages.cancel(message_id, caller())


@blueprint.post("/<uuid:message_id>/resend")
@requires_scope(SEND_SCOPE, is_narrowable=True)
@idempotent
@blueprint.response(202, NotificationWithTimelineSchema)
def resend(message_id: UUID) -> dict[str, Any]:
    """Send a message again. Its delivery must have ended, with whatever outcome."""
    return messages.resend(message_id, caller())


@blueprint.post("/<uuid:message_id>/resolve")
@requires_role("admin")
@blueprint.arguments(ResolveSchema)
@blueprint.response(200, NotificationWithTimelineSchema)
def resolve(body: dict[str, Any], message_id: UUID) -> dict[str, Any]:
    """Resolve a message whose outcome is unknown."""
    return messages.resolve(message_id, body["outcome"], caller())

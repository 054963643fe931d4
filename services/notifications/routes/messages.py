"""`/api/v1/notifications`: mails, from acceptance to their end."""

from typing import Any
from uuid import UUID

from services.notifications import acceptance, mails
from services.notifications.schemas import (
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

SEND = "notifications:send"

blueprint = Blueprint("messages", __name__, url_prefix="/api/v1/notifications", description="Mails")


@blueprint.post("")
@requires_scope(SEND)
@idempotent
@blueprint.arguments(SendSchema)
@blueprint.response(202, AcceptedSchema)
def send(body: dict[str, Any]) -> dict[str, Any]:
    """Accept a mail: once this answers, it will be sent or its failure be told."""
    return acceptance.accept(**body, requested_by=caller().account_id)


@blueprint.get("")
@requires_role("admin")
@blueprint.arguments(NotificationQuerySchema, location="query")
@blueprint.response(200, NotificationPageSchema)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """The mails that match, newest first."""
    return mails.search(**query, who=caller())


@blueprint.get("/<uuid:notification_id>")
@requires_scope(SEND)
@blueprint.response(200, NotificationWithTimelineSchema)
def show(notification_id: UUID) -> dict[str, Any]:
    """A mail with its timeline; a program sees those that its own account asked for."""
    return mails.get(notification_id, caller())


@blueprint.post("/<uuid:notification_id>/cancel")
@requires_scope(SEND)
@blueprint.response(200, NotificationWithTimelineSchema)
def cancel(notification_id: UUID) -> dict[str, Any]:
    """Take back a mail that is not being sent yet."""
    return mails.cancel(notification_id, caller())


@blueprint.post("/<uuid:notification_id>/resend")
@requires_scope(SEND)
@idempotent
@blueprint.response(202, NotificationWithTimelineSchema)
def resend(notification_id: UUID) -> dict[str, Any]:
    """Try again a mail that has ended."""
    return mails.resend(notification_id, caller())


@blueprint.post("/<uuid:notification_id>/resolve")
@requires_role("admin")
@blueprint.arguments(ResolveSchema)
@blueprint.response(200, NotificationWithTimelineSchema)
def resolve(body: dict[str, Any], notification_id: UUID) -> dict[str, Any]:
    """Say what became of a mail whose outcome was unknown."""
    return mails.resolve(notification_id, body["outcome"], caller())

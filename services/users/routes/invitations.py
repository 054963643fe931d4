"""`/api/v1/users/invitations`: what the caller is invited to."""

from typing import Any
from uuid import UUID

from services.users.organizations import joining
from services.users.schemas.organizations import AcceptSchema, MembershipSchema, OwnInvitationPageSchema
from shared.chassis.access import caller, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint
from shared.chassis.pagination import PageQuerySchema

blueprint = Blueprint(
    "invitations",
    __name__,
    url_prefix="/api/v1/users/invitations",
    description="Invitations to the caller.",
)


@blueprint.get("")
@signed_in
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, OwnInvitationPageSchema)
def show_all(query: dict[str, Any]) -> dict[str, Any]:
    """List the open invitations to the caller's verified address, newest first."""
    return joining.list_own(caller().account_id, **query)


@blueprint.post("/accept")
@signed_in
@idempotent
@blueprint.arguments(AcceptSchema)
@blueprint.response(200, MembershipSchema)
def accept(body: dict[str, Any]) -> dict[str, Any]:
    """Join an organization by the mail's link or code, or by the id of an invitation to one's own address.

    The link and the code serve whichever account received the mail; an invitation serves once.
    """
    account_id = caller().account_id
    if "token" in body:
        return joining.accept_by_token(account_id, body["token"])
    if "id" in body:
        return joining.accept_own(account_id, body["id"])
    return joining.accept_by_code(account_id, body["email"], body["code"])


@blueprint.post("/<uuid:invitation_id>/decline")
@signed_in
@blueprint.response(204)
def decline(invitation_id: UUID) -> None:
    """Decline an invitation to the caller's verified address."""
    joining.decline(caller().account_id, invitation_id)

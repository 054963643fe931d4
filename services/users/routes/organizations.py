"""`/api/v1/users/organizations`: the caller's organizations, their members and invitations.

Whoever is no member of an organization is answered as if there were none.
"""

from typing import Any
from uuid import UUID

from services.users.organizations import directory, invitations, members
from services.users.schemas.organizations import (
    InvitationPageSchema,
    InvitationSchema,
    MemberPageSchema,
    MemberPatchSchema,
    MembershipSchema,
    NewInvitationSchema,
    NewOrganizationSchema,
    OrganizationEventPageSchema,
    OrganizationPageSchema,
    OrganizationPatchSchema,
    OrganizationSchema,
    TransferSchema,
)
from shared.chassis.access import caller, signed_in
from shared.chassis.idempotency import idempotent
from shared.chassis.openapi import Blueprint
from shared.chassis.pagination import PageQuerySchema

blueprint = Blueprint(
    "organizations",
    __name__,
    url_prefix="/api/v1/users/organizations",
    description="Organizations with their members and invitations.",
)


def _me() -> UUID:
    return caller().account_id


@blueprint.get("")
@signed_in
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, OrganizationPageSchema)
def show_all(query: dict[str, Any]) -> dict[str, Any]:
    """List the organizations that the caller is a member of, with the caller's role in each."""
    return directory.list_own(_me(), **query)


@blueprint.post("")
@signed_in
@idempotent
@blueprint.arguments(NewOrganizationSchema)
@blueprint.response(201, OrganizationSchema)
def create(body: dict[str, Any]) -> dict[str, Any]:
    """Create an organization; the caller becomes its owner."""
    return directory.create(_me(), **body)


@blueprint.get("/<uuid:organization_id>")
@signed_in
@blueprint.response(200, OrganizationSchema)
def show(organization_id: UUID) -> dict[str, Any]:
    """Get an organization. For its members only."""
    return directory.get(organization_id, _me())


@blueprint.patch("/<uuid:organization_id>")
@signed_in
@blueprint.arguments(OrganizationPatchSchema, content_type="application/merge-patch+json")
@blueprint.response(200, OrganizationSchema)
def change(body: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """Change the name, slug or metadata with a merge patch (RFC 7396). For admins and owners."""
    return directory.change(organization_id, _me(), body)


@blueprint.delete("/<uuid:organization_id>")
@signed_in
@blueprint.response(204)
def delete(organization_id: UUID) -> None:
    """Delete an organization with its memberships and invitations. For owners."""
    directory.delete(organization_id, _me())


@blueprint.post("/<uuid:organization_id>/transfer")
@signed_in
@idempotent
@blueprint.arguments(TransferSchema)
@blueprint.response(200, MembershipSchema)
def transfer(body: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """Make another member an owner; the caller, who is an owner, becomes an admin."""
    return members.transfer(organization_id, _me(), to=body["account_id"])


@blueprint.get("/<uuid:organization_id>/events")
@signed_in
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, OrganizationEventPageSchema)
def show_events(query: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """List what was done in the organization, newest first. For admins and owners."""
    return directory.list_events(organization_id, _me(), **query)


@blueprint.get("/<uuid:organization_id>/members")
@signed_in
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, MemberPageSchema)
def show_members(query: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """List the members with their names and roles. For members."""
    return members.list_page(organization_id, _me(), **query)


@blueprint.patch("/<uuid:organization_id>/members/<uuid:account_id>")
@signed_in
@blueprint.arguments(MemberPatchSchema)
@blueprint.response(200, MembershipSchema)
def change_member(body: dict[str, Any], organization_id: UUID, account_id: UUID) -> dict[str, Any]:
    """Change a member's role. For admins and owners, who cannot give or change a role above their own.

    409 `last_owner` where nobody else owns the organization.
    """
    return members.change(organization_id, _me(), account_id, role=body["role"])


@blueprint.delete("/<uuid:organization_id>/members/<uuid:account_id>")
@signed_in
@blueprint.response(204)
def remove_member(organization_id: UUID, account_id: UUID) -> None:
    """Remove a member (admins and owners, nobody above their own role), or leave the organization.

    409 `last_owner` where nobody else owns the organization.
    """
    members.remove(organization_id, _me(), account_id)


@blueprint.get("/<uuid:organization_id>/invitations")
@signed_in
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, InvitationPageSchema)
def show_invitations(query: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """List the invitations of the organization, newest first. For admins and owners."""
    return invitations.list_page(organization_id, _me(), **query)


@blueprint.post("/<uuid:organization_id>/invitations")
@signed_in
@idempotent
@blueprint.arguments(NewInvitationSchema)
@blueprint.response(202, InvitationSchema)
def invite(body: dict[str, Any], organization_id: UUID) -> dict[str, Any]:
    """Invite somebody by mail. For admins and owners. The answer is the same for every address.

    The mail has a link and a code. A new invitation replaces an earlier one to the same address; within a
    minute no second mail is sent.
    """
    return invitations.invite(organization_id, _me(), **body)


@blueprint.delete("/<uuid:organization_id>/invitations/<uuid:invitation_id>")
@signed_in
@blueprint.response(204)
def revoke_invitation(organization_id: UUID, invitation_id: UUID) -> None:
    """Revoke an invitation that was not accepted yet. For admins and owners."""
    invitations.revoke(organization_id, _me(), invitation_id)

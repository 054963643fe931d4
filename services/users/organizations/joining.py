"""The use cases of whoever is invited: see, accept, decline.

An invitation is accepted by its link, whose token proves that its mail was read; by the address and the code
of the mail; or without the mail, by an account whose verified address is the invited one. auth is asked for
that address.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.users.deps import deps
from services.users.errors import InvitationNotFound
from services.users.models import Invitation, Membership, Organization, db
from services.users.organizations import changes, codes, memberships
from services.users.organizations.members import shown
from services.users.store import invitations as store
from services.users.store import memberships as membership_store
from services.users.store import organizations, tombstones
from shared.chassis import errors, pagination
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction


def list_own(account_id: UUID, *, limit: int, cursor: UUID | None) -> dict[str, Any]:
    """One page of the open invitations to the account's verified address, newest first."""
    email = _find_verified_address(account_id)
    rows = store.list_open_to(email, utcnow(), before=cursor, limit=limit + 1) if email else []
    page = pagination.page_of(rows, limit=limit, key=lambda row: row[0].id)
    return {**page, "items": [_shown_to_invited(*row) for row in page["items"]]}


def accept_by_token(account_id: UUID, token: str) -> dict[str, Any]:
    """Join by the link of the mail; raises InvitationNotFound."""
    now = utcnow()
    with transaction(db):
        invitation = store.find_open_by_token(codes.token_hash(token), now)
        return _accept(account_id, invitation, now)


def accept_by_code(account_id: UUID, email: str, code: str) -> dict[str, Any]:
    """Join by the address that was invited and the code of the mail; raises InvitationNotFound.

    A wrong code costs one of a few tries, which stays so: after that the link still serves.
    """
    now = utcnow()
    with transaction(db):
        tried = store.take_tries(email, now)
        found = [each.id for each in tried if codes.is_code(each.code_hash, email, code)]
    with transaction(db):
        invitation = store.find_open_to(found[0], email, now) if found else None
        return _accept(account_id, invitation, now)


def accept_own(account_id: UUID, invitation_id: UUID) -> dict[str, Any]:
    """Join as the owner of the invited address; raises InvitationNotFound."""
    email = _find_verified_address(account_id)
    now = utcnow()
    with transaction(db):
        invitation = store.find_open_to(invitation_id, email, now) if email else None
        return _accept(account_id, invitation, now)


def decline(account_id: UUID, invitation_id: UUID) -> None:
    """Settle an invitation to the account's verified address; raises InvitationNotFound."""
    email = _find_verified_address(account_id)
    now = utcnow()
    with transaction(db):
        invitation = store.find_open_to(invitation_id, email, now) if email else None
        if invitation is None or not store.settle(invitation_id, "declined", now):
            raise InvitationNotFound
        changes.note("invitation_declined", invitation.organization_id, now, invitation_id=str(invitation_id))


def _accept(account_id: UUID, invitation: Invitation | None, now: datetime) -> dict[str, Any]:
    """Consume the invitation and begin the membership, in the caller's transaction."""
    if invitation is None or tombstones.stands(account_id):
        raise InvitationNotFound
    organization = organizations.lock(invitation.organization_id)
    if organization is None or not store.settle(invitation.id, "accepted", now):
        raise InvitationNotFound
    return shown(_join(organization, account_id, invitation, now))


def _join(organization: Organization, account_id: UUID, invitation: Invitation, now: datetime) -> Membership:
    """The account's membership. Who is a member already keeps the role: an invitation lowers nobody."""
    membership = membership_store.find(organization.id, account_id)
    if membership is not None:
        return membership
    return memberships.start(organization, account_id, invitation.role, now, invitation_id=str(invitation.id))


def _find_verified_address(account_id: UUID) -> str | None:
    """The account's address by auth, which owns it; None where it is not verified or the account is gone."""
    try:
        account = deps().accounts.get_account(account_id)
    except errors.NotFound:
        return None
    return account.email if account.is_verified else None


def _shown_to_invited(invitation: Invitation, organization: Organization) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "organization": {"id": organization.id, "name": organization.name, "slug": organization.slug},
        "role": invitation.role,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }

"""The use cases of inviting: by mail, to any address; list and revoke what was sent.

All is the same whoever the address belongs to: nobody looks whether it has an account, nor whether that is a
member already. The mail is in the inviter's language.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import current_app

from services.users.errors import InvitationNotFound, InvitationsUsedUp, TooManyInvitations
from services.users.extensions import messages
from services.users.models import Invitation, Organization, db
from services.users.organizations import changes, codes, roles, seats
from services.users.organizations.codes import CodeAndToken
from services.users.profiles import reading
from services.users.settings import UsersSettings
from services.users.store import invitations as store
from services.users.store import organization_events, profiles
from shared.chassis import pagination
from shared.chassis.access import OrganizationRoleRequired
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.contracts.messages import SendEmail

MAIL = "organization_invitation"
CREATED = "invitation_created"
MOST_OPEN = 500  # of one organization
ONE_MAIL_IN = timedelta(minutes=1)  # to the same address
DAY = timedelta(days=1)
RETRY_AFTER_SECONDS = 3600


def invite(organization_id: UUID, account_id: UUID, *, email: str, role: str) -> dict[str, Any]:
    """Invite an address; a new invitation takes the place of one that was not accepted yet.

    Raises OrganizationNotFound, OrganizationRoleRequired, TooManyInvitations, InvitationsUsedUp.
    """
    reading.get_own(account_id)
    now = utcnow()
    with transaction(db):
        seat = seats.lock(organization_id, account_id, at_least=roles.ADMIN)
        if not roles.may_give(seat.role, role):
            raise OrganizationRoleRequired
        pending = store.find_pending(organization_id, email)
        if pending is not None and pending.created_at > now - ONE_MAIL_IN:
            pending.role = role
            return shown(pending, now)
        _require_quota(organization_id, account_id, now)
        if pending is not None:
            store.revoke(organization_id, pending.id, now)
        return shown(_send(seat.organization, account_id, email, role, now), now)


def _require_quota(organization_id: UUID, account_id: UUID, now: datetime) -> None:
    if store.count_open(organization_id, now) >= MOST_OPEN:
        raise TooManyInvitations
    sent = organization_events.count_by(account_id, CREATED, since=now - DAY)
    if sent >= _settings().invitations_per_day:
        raise InvitationsUsedUp(retry_after_seconds=RETRY_AFTER_SECONDS)


def _send(organization: Organization, account_id: UUID, email: str, role: str, now: datetime) -> Invitation:
    pair = codes.new_code_and_token()
    invitation = Invitation(
        id=new_id(),
        organization_id=organization.id,
        email=email,
        role=role,
        token_hash=codes.token_hash(pair.token),
        code_hash=codes.code_hash(email, pair.code),
        tries_left=codes.TRIES,
        invited_by=account_id,
        status="pending",
        created_at=now,
        expires_at=now + timedelta(days=_settings().invitation_days),
    )
    store.add(invitation)
    changes.note(CREATED, organization.id, now, invitation_id=str(invitation.id), role=role)
    _mail(invitation, organization, pair)
    return invitation


def _mail(invitation: Invitation, organization: Organization, pair: CodeAndToken) -> None:
    inviter = profiles.find(invitation.invited_by) if invitation.invited_by else None
    locale = inviter.locale if inviter else "en"
    messages.send(
        SendEmail(
            template=MAIL,
            to_email=invitation.email,
            locale=locale,
            variables={
                "organization": organization.name,
                "code": pair.code,
                "link": codes.link_of(pair.token, locale=locale),
                "days": str(_settings().invitation_days),
            },
            expires_at=invitation.expires_at,
        )
    )


def list_page(organization_id: UUID, account_id: UUID, *, limit: int, cursor: UUID | None) -> dict[str, Any]:
    """One page of the organization's invitations, newest first, for admins and owners."""
    seats.get(organization_id, account_id, at_least=roles.ADMIN)
    now = utcnow()
    rows = store.list_page(organization_id, before=cursor, limit=limit + 1)
    page = pagination.page_of(rows, limit=limit, key=lambda invitation: invitation.id)
    return {**page, "items": [shown(invitation, now) for invitation in page["items"]]}


def revoke(organization_id: UUID, account_id: UUID, invitation_id: UUID) -> None:
    """Take an invitation back before it is accepted.

    Raises OrganizationNotFound, OrganizationRoleRequired, InvitationNotFound.
    """
    now = utcnow()
    with transaction(db):
        seats.lock(organization_id, account_id, at_least=roles.ADMIN)
        if not store.revoke(organization_id, invitation_id, now):
            raise InvitationNotFound
        changes.note("invitation_revoked", organization_id, now, invitation_id=str(invitation_id))


def shown(invitation: Invitation, now: datetime) -> dict[str, Any]:
    """The invitation as the organization sees it."""
    is_expired = invitation.status == "pending" and invitation.expires_at <= now
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "status": "expired" if is_expired else invitation.status,
        "invited_by": invitation.invited_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }


def _settings() -> UsersSettings:
    settings: UsersSettings = current_app.extensions["doorward_settings"]
    return settings

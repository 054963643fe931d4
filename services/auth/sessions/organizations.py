"""The organization that a session works for: chosen by its client, ended by users' messages.

A session's access tokens carry its organization with the role. When a role changes or ends, the account's
version grows: the gateways refuse its older access tokens within a second, and a refresh gives one that is
right.
"""

from uuid import UUID

from services.auth import audit
from services.auth.errors import OrganizationNotJoined, SessionRevoked
from services.auth.models import db
from services.auth.sessions import revocations
from services.auth.store import accounts, sessions
from services.auth.store import memberships as store
from services.auth.store.sessions import Standing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts.messages import MembershipChanged


def require_role(account_id: UUID, organization_id: UUID | None) -> str | None:
    """The account's role in the organization it wants to work for; raises OrganizationNotJoined."""
    if organization_id is None:
        return None
    role = store.find_role(account_id, organization_id)
    if role is None:
        raise OrganizationNotJoined
    return role


def require_choice(session_id: UUID, organization_id: UUID | None) -> None:
    """Raise OrganizationNotJoined before a refresh token is used, where its session cannot work for that."""
    with transaction(db):
        standing = sessions.find_standing(session_id)
        if standing is not None:
            require_role(standing.account_id, organization_id)


def choose(session_id: UUID, organization_id: UUID | None) -> Standing:
    """Have the session work for the organization, or for none; raises SessionRevoked."""
    with transaction(db):
        store.choose(session_id, organization_id)
        standing = sessions.find_standing(session_id)
    if standing is None or standing.is_ended:
        raise SessionRevoked
    return standing


def take_membership(message: MembershipChanged) -> None:
    """Follow what became of a membership; in the courier's transaction."""
    account = accounts.find_for_update(message.account_id)
    if account is None:
        return
    organization_id, now = message.organization_id, utcnow()
    is_known = store.is_known(account.id, organization_id)
    before = store.find_role(account.id, organization_id)
    if not store.take(account.id, organization_id, message.role, message.membership_version):
        return
    if message.role is None:
        store.leave(account.id, organization_id)
    if before is not None and before != message.role:
        account.version += 1
        account.updated_at = now
        revocations.revoke_account(account.id, now, below_version=account.version)
    if is_known and before == message.role:
        return  # users has told all memberships again
    audit.record(
        f"membership_{message.change}",
        account_id=account.id,
        actor_id=message.actor_id,
        organization_id=str(organization_id),
        role=message.role,
    )

"""Changes of organizations and memberships: published to other services, and kept as audit events.

Every change goes through here, in the transaction that makes it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g

from services.users.extensions import messages
from services.users.models import Membership, Organization
from services.users.store import organization_events
from shared.chassis import tracing
from shared.chassis.access import Caller
from shared.chassis.ids import new_id
from shared.contracts.messages import MembershipChanged, OrganizationChanged

Change = OrganizationChanged | MembershipChanged


def publish(change: Change, **details: Any) -> None:
    """Tell other services, and note the event: the one place that every change passes."""
    messages.send(change)
    subject = change.name.removesuffix("_changed")
    about = {"role": change.role, **details} if isinstance(change, MembershipChanged) else details
    note(
        f"{subject}_{change.change}",
        change.organization_id,
        change.occurred_at,
        account_id=change.account_id if isinstance(change, MembershipChanged) else None,
        **about,
    )


def publish_organization(change: str, organization: Organization, now: datetime, **details: Any) -> None:
    """Publish what became of the organization; its version is stamped already."""
    publish(
        OrganizationChanged(
            organization_id=organization.id,
            change=change,
            organization_name=organization.name,
            slug=organization.slug,
            organization_version=organization.version,
            actor_id=_actor_id(),
            occurred_at=now,
        ),
        **details,
    )


def publish_membership(
    change: str, membership: Membership, version: int, now: datetime, **details: Any
) -> None:
    """Publish what became of the membership; ``version`` is the organization's new one."""
    publish(
        MembershipChanged(
            organization_id=membership.organization_id,
            account_id=membership.account_id,
            change=change,
            role=None if change == "ended" else membership.role,
            membership_version=version,
            actor_id=_actor_id(),
            occurred_at=now,
        ),
        **details,
    )


def note(
    action: str, organization_id: UUID, now: datetime, *, account_id: UUID | None = None, **details: Any
) -> None:
    """Keep an audit event: by whoever the request's access token speaks for, else by Doorward itself."""
    trace = tracing.current()
    organization_events.add(
        {
            "id": new_id(),
            "organization_id": organization_id,
            "occurred_at": now,
            "action": action,
            "actor_id": _actor_id(),
            "account_id": account_id,
            "request_id": trace.request_id if trace else None,
            "details": details,
        }
    )


def _actor_id() -> UUID | None:
    who: Caller | None = g.get("caller")
    return who.account_id if who is not None else None

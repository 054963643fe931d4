"""What the tables of users have on an account: what its owner gets a copy of, and what says nothing."""

from sqlalchemy import select

from services.users.models import (
    Avatar,
    Erasure,
    Export,
    ExportChunk,
    ExportPart,
    Invalidation,
    Invitation,
    Membership,
    Organization,
    OrganizationEvent,
    Outbox,
    Profile,
    Tombstone,
)
from shared.chassis.holdings import Exported, Holdings, LeftOut

HOLDINGS: Holdings = (
    Exported(Profile, lambda id_: Profile.id == id_),
    Exported(Avatar, lambda id_: Avatar.account_id == id_),
    Exported(Export, lambda id_: Export.account_id == id_),
    Exported(Membership, lambda id_: Membership.account_id == id_),
    Exported(
        Invitation,
        lambda id_: (
            (Invitation.invited_by == id_)
            | Invitation.email.in_(select(Profile.email).where(Profile.id == id_))
        ),
        hidden=frozenset({"token_hash", "code_hash", "tries_left"}),
    ),
    Exported(
        OrganizationEvent,
        lambda id_: (OrganizationEvent.actor_id == id_) | (OrganizationEvent.account_id == id_),
    ),
    LeftOut(Organization, "It belongs to all its members; what it says of the account is in memberships."),
    LeftOut(ExportPart, "How far the collection of a copy is."),
    LeftOut(ExportChunk, "The copy itself."),
    LeftOut(Invalidation, "A version that the cache has to be told, for less than a second."),
    LeftOut(Outbox, "Encrypted messages to other services, until these have handled them."),
    LeftOut(Erasure, "Of accounts that are gone."),
    LeftOut(Tombstone, "Of accounts that are gone."),
)

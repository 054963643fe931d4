"""The tables of users, one file a subject; whoever needs a table imports it from here.

So every table is known wherever one of them is, which migrations rely on.
"""

from services.users.models.avatars import Avatar
from services.users.models.chassis import IdempotencyKey, Inbox, Outbox
from services.users.models.database import db
from services.users.models.erasures import Erasure
from services.users.models.exports import Export, ExportChunk, ExportPart
from services.users.models.invalidations import Invalidation
from services.users.models.organizations import Invitation, Membership, Organization, OrganizationEvent
from services.users.models.profiles import Profile
from services.users.models.tombstones import Tombstone

__all__ = [
    "Avatar",
    "Erasure",
    "Export",
    "ExportChunk",
    "ExportPart",
    "IdempotencyKey",
    "Inbox",
    "Invalidation",
    "Invitation",
    "Membership",
    "Organization",
    "OrganizationEvent",
    "Outbox",
    "Profile",
    "Tombstone",
    "db",
]

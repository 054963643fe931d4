"""What the tables of users have on an account: what its owner gets a copy of, and what says nothing."""

from services.users.models import (
    Avatar,
    Erasure,
    Export,
    ExportChunk,
    ExportPart,
    Invalidation,
    Profile,
    Tombstone,
)
from shared.chassis.holdings import Exported, Holdings, LeftOut

HOLDINGS: Holdings = (
    Exported(Profile, lambda id_: Profile.id == id_),
    Exported(Avatar, lambda id_: Avatar.account_id == id_),
    Exported(Export, lambda id_: Export.account_id == id_),
    LeftOut(ExportPart, "How far the collection of a copy is."),
    LeftOut(ExportChunk, "The copy itself."),
    LeftOut(Invalidation, "A version that the cache has to be told, for less than a second."),
    LeftOut(Erasure, "Of accounts that are gone."),
    LeftOut(Tombstone, "Of accounts that are gone."),
)

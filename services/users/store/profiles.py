"""The profiles table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Uuid, any_, case, cast, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from services.users.models import Profile, db
from services.users.store import tombstones
from shared.contracts.internal import AccountBody

_MIRRORED = ("email", "roles", "is_active")  # what auth owns


def find(account_id: UUID) -> Profile | None:
    """The profile as it is now, if there is one."""
    return db.session.get(Profile, account_id, populate_existing=True)


def find_many(account_ids: Sequence[UUID]) -> Sequence[Profile]:
    """Those of the profiles that there are, as they are now, in no order."""
    wanted = select(Profile).where(Profile.id == any_(literal(list(account_ids), ARRAY(Uuid))))
    return db.session.scalars(wanted.execution_options(populate_existing=True)).all()


def find_for_update(account_id: UUID) -> Profile | None:
    """The profile, locked until the transaction ends."""
    return db.session.get(Profile, account_id, with_for_update=True, populate_existing=True)


def find_id(email: str) -> UUID | None:
    """Whose profile has this address; None while two have it, one of which has moved."""
    found = db.session.scalars(select(Profile.id).where(Profile.email == email).limit(2)).all()
    return found[0] if len(found) == 1 else None


def clock() -> datetime:
    """The time by the database's clock, which all processes share."""
    now: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return now


def add(account: AccountBody, now: datetime) -> None:
    """Make the profile of ``account`` unless it exists or the account was deleted."""
    if not tombstones.stands(account.id):
        db.session.execute(insert(Profile).values(**_values(account, now)).on_conflict_do_nothing())


def mirror(account: AccountBody, asked_at: datetime, now: datetime) -> int | None:
    """Write what auth answered when it was asked at ``asked_at``; the version that the profile has then.

    None where a later answer is there already, or the account was deleted. An answer that says nothing new
    is noted and leaves the version: whoever has read the profile may go on with what he has.
    """
    if tombstones.stands(account.id):
        return None
    statement = insert(Profile).values(**_values(account, now), mirrored_at=asked_at)
    new = statement.excluded
    is_later = Profile.mirrored_at.is_(None) | (Profile.mirrored_at < asked_at)
    is_new = or_(*(getattr(Profile, name).is_distinct_from(new[name]) for name in _MIRRORED))
    changes = {
        **{name: new[name] for name in _MIRRORED},
        "mirrored_at": asked_at,
        "version": Profile.version + cast(is_new, Integer),
        "updated_at": case((is_new, new.updated_at), else_=Profile.updated_at),
    }
    statement = statement.on_conflict_do_update(index_elements=[Profile.id], set_=changes, where=is_later)
    return db.session.execute(statement.returning(Profile.version)).scalar_one_or_none()


def _values(account: AccountBody, now: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.display_name,
        "locale": account.locale,
        "is_active": account.is_active,
        "roles": list(account.roles),
        "created_at": account.created_at,
        "updated_at": now,
    }


def remove(account_id: UUID, now: datetime) -> None:
    """Delete the profile for good: nothing makes it again."""
    tombstones.set_up(account_id, now)
    db.session.execute(delete(Profile).where(Profile.id == account_id))

"""The table of stored pictures. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from services.users.models import Avatar, Profile, db

_IS_SHOWN = exists().where(Profile.id == Avatar.account_id, Profile.avatar_name == Avatar.name)


def note(name: str, account_id: UUID, now: datetime) -> None:
    """Say that the picture is about to be stored."""
    statement = insert(Avatar).values(name=name, account_id=account_id, stored_at=now)
    db.session.execute(statement.on_conflict_do_update(index_elements=[Avatar.name], set_={"stored_at": now}))


def find_shown(account_id: UUID) -> Avatar | None:
    """The picture that the account's profile shows."""
    return db.session.scalars(select(Avatar).where(Avatar.account_id == account_id, _IS_SHOWN)).one_or_none()


def claim_unused(*, name: str, stored_until: datetime) -> Sequence[Avatar]:
    """The picture, locked, unless it is shown or was stored again after ``stored_until``."""
    wanted = [Avatar.name == name, Avatar.stored_at <= stored_until, ~_IS_SHOWN]
    return db.session.scalars(select(Avatar).where(*wanted).with_for_update(of=Avatar)).all()


def claim_old(*, stored_before: datetime, limit: int) -> Sequence[Avatar]:
    """Some pictures that no profile shows, locked."""
    wanted = [Avatar.stored_at < stored_before, ~_IS_SHOWN]
    statement = select(Avatar).where(*wanted).limit(limit).with_for_update(of=Avatar, skip_locked=True)
    return db.session.scalars(statement).all()


def claim_all(account_id: UUID) -> Sequence[Avatar]:
    """Every picture of the account, locked."""
    return db.session.scalars(select(Avatar).where(Avatar.account_id == account_id).with_for_update()).all()


def remove(names: Sequence[str]) -> None:
    """Forget these pictures."""
    db.session.execute(delete(Avatar).where(Avatar.name.in_(names)))

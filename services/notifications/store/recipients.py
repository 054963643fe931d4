"""The table of who is who. Stores never commit: the use case owns the transaction."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import Recipient, db

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def tell(account_id: UUID, email: str, told_at: datetime, *, locale: str | None = None) -> None:
    """Remember an account's address, unless a later message told another one or the account was deleted."""
    statement = insert(Recipient).values(account_id=account_id, email=email, locale=locale, told_at=told_at)
    changes: dict[str, Any] = {"email": email, "told_at": told_at}
    if locale is not None:  # what the owner has chosen since stays
        changes["locale"] = case((Recipient.profile_version == 0, locale), else_=Recipient.locale)
    is_news = (Recipient.told_at < told_at) & Recipient.deleted_at.is_(None)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=[Recipient.account_id], set_=changes, where=is_news)
    )


def tell_profile(account_id: UUID, *, version: int, name: str | None, locale: str) -> None:
    """Remember name and language, unless a later version told others or the account was deleted."""
    profile = {"name": name, "locale": locale, "profile_version": version}
    # The address may come later, whenever it was told: the row begins as old as can be.
    statement = insert(Recipient).values(account_id=account_id, told_at=BEGINNING, **profile)
    is_news = (Recipient.profile_version < version) & Recipient.deleted_at.is_(None)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=[Recipient.account_id], set_=profile, where=is_news)
    )


def find(account_id: UUID) -> Recipient | None:
    """The account's owner, unless the account is unknown or was deleted."""
    recipient = db.session.get(Recipient, account_id, populate_existing=True)
    return recipient if recipient is not None and recipient.deleted_at is None else None


def forget(account_id: UUID, deleted_at: datetime) -> None:
    """Erase the row but for the fact that the account was deleted: late messages must not bring it back."""
    gone = {"email": None, "name": None, "locale": None, "told_at": deleted_at, "deleted_at": deleted_at}
    statement = insert(Recipient).values(account_id=account_id, **gone)
    db.session.execute(statement.on_conflict_do_update(index_elements=[Recipient.account_id], set_=gone))


def delete_tombstones(deleted_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows of accounts that were deleted by then; how many."""
    old = select(Recipient.account_id).where(Recipient.deleted_at < deleted_before).limit(limit)
    statement = delete(Recipient).where(Recipient.account_id.in_(old)).returning(Recipient.account_id)
    return len(db.session.execute(statement).all())

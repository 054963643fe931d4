"""The table of who is who. Stores never commit: the use case owns the transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import Recipient, db


def tell(account_id: UUID, email: str, told_at: datetime, *, locale: str | None = None) -> None:
    """Remember an account's address, unless a later message told another one or the account was deleted."""
    statement = insert(Recipient).values(account_id=account_id, email=email, locale=locale, told_at=told_at)
    changes = {"email": email, "told_at": told_at}
    if locale is not None:
        changes["locale"] = locale
    is_news = (Recipient.told_at < told_at) & Recipient.deleted_at.is_(None)
    db.session.execute(
        statement.on_conflict_do_update(index_elements=[Recipient.account_id], set_=changes, where=is_news)
    )


def find(account_id: UUID) -> Recipient | None:
    """The account's owner, unless the account is unknown or was deleted."""
    recipient = db.session.get(Recipient, account_id, populate_existing=True)
    return recipient if recipient is not None and recipient.deleted_at is None else None


def forget(account_id: UUID, deleted_at: datetime) -> None:
    """Erase the row but for the fact that the account was deleted: late messages must not bring it back."""
    gone = {"email": None, "locale": None, "told_at": deleted_at, "deleted_at": deleted_at}
    statement = insert(Recipient).values(account_id=account_id, **gone)
    db.session.execute(statement.on_conflict_do_update(index_elements=[Recipient.account_id], set_=gone))


def delete_tombstones(deleted_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` rows of accounts that were deleted by then; how many."""
    old = select(Recipient.account_id).where(Recipient.deleted_at < deleted_before).limit(limit)
    statement = delete(Recipient).where(Recipient.account_id.in_(old)).returning(Recipient.account_id)
    return len(db.session.execute(statement).all())

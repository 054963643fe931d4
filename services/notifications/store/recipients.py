"""The table of who is who. Stores never commit: the use case owns the transaction."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import Recipient, db


def tell(account_id: UUID, email: str, told_at: datetime, *, locale: str | None = None) -> None:
    """Remember an account's address, unless a later message told another one."""
    statement = insert(Recipient).values(account_id=account_id, email=email, locale=locale, told_at=told_at)
    changes = {"email": email, "told_at": told_at}
    if locale is not None:
        changes["locale"] = locale
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Recipient.account_id], set_=changes, where=Recipient.told_at < told_at
        )
    )


def find(account_id: UUID) -> Recipient | None:
    """Whoever has the account."""
    return db.session.get(Recipient, account_id, populate_existing=True)


def forget(account_id: UUID) -> None:
    """Delete the row."""
    db.session.execute(delete(Recipient).where(Recipient.account_id == account_id))

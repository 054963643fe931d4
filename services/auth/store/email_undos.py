"""The email_undos table. Stores never commit: the use case owns the transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import EmailUndo, db


@dataclass(frozen=True, slots=True)
class Undo:
    """A link that was used: whose it is, and the address that it brings back."""

    account_id: UUID
    old_email: str
    created_at: datetime


def add(**values: Any) -> None:
    """Keep a link."""
    db.session.execute(insert(EmailUndo).values(**values))


def count_living(account_id: UUID, now: datetime) -> int:
    """How many links of the account are good."""
    found = select(func.count()).where(EmailUndo.account_id == account_id, EmailUndo.expires_at > now)
    return db.session.scalar(found) or 0


def find_account(token_hash: str, now: datetime) -> UUID | None:
    """Whose the link is, if it is good."""
    wanted = (EmailUndo.token_hash == token_hash, EmailUndo.expires_at > now)
    return db.session.scalar(select(EmailUndo.account_id).where(*wanted))


def take(token_hash: str, now: datetime) -> Undo | None:
    """Take the link away, and with it those of all later changes; None where it is not good any more."""
    statement = delete(EmailUndo).where(EmailUndo.token_hash == token_hash, EmailUndo.expires_at > now)
    columns = (EmailUndo.account_id, EmailUndo.old_email, EmailUndo.created_at)
    row = db.session.execute(_quick(statement.returning(*columns))).one_or_none()
    if row is None:
        return None
    undo = Undo(*row)
    later = delete(EmailUndo).where(
        EmailUndo.account_id == undo.account_id, EmailUndo.created_at >= undo.created_at
    )
    db.session.execute(_quick(later))
    return undo


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)

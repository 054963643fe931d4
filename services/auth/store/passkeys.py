"""The passkeys table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Passkey, db


def add(**values: Any) -> Passkey | None:
    """Keep a passkey; None where the credential is known already."""
    statement = insert(Passkey).values(**values).on_conflict_do_nothing().returning(Passkey)
    return db.session.scalars(statement).one_or_none()


def add_new(**values: Any) -> None:
    """Keep a passkey of another system; the database refuses a credential that is known already."""
    db.session.execute(insert(Passkey).values(**values))


def find(credential_id: bytes) -> Passkey | None:
    """The passkey with that credential id."""
    return db.session.scalars(select(Passkey).where(Passkey.credential_id == credential_id)).one_or_none()


def list_of(account_id: UUID) -> Sequence[Passkey]:
    """The account's passkeys, newest first."""
    statement = select(Passkey).where(Passkey.account_id == account_id).order_by(Passkey.id.desc())
    return db.session.scalars(statement).all()


def remove_all(account_id: UUID) -> bool:
    """Forget every passkey of the account; whether there was one."""
    statement = delete(Passkey).where(Passkey.account_id == account_id).returning(Passkey.id)
    return bool(db.session.execute(statement.execution_options(synchronize_session=False)).all())


def use(passkey_id: UUID, sign_count: int, now: datetime) -> bool:
    """Note a use; False where the counter does not grow, as a copy's would not (0: it has none)."""
    statement = (
        update(Passkey)
        .where(Passkey.id == passkey_id)
        .where((Passkey.sign_count < sign_count) | ((Passkey.sign_count == 0) & (sign_count == 0)))
        .values(sign_count=sign_count, last_used_at=now)
        .returning(Passkey.id)
    )
    used = db.session.execute(statement.execution_options(synchronize_session=False))
    return used.one_or_none() is not None

"""The tables of second factors. Stores never commit: the use case owns the transaction."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import RecoveryCode, TotpFactor, db


def find_totp(account_id: UUID) -> TotpFactor | None:
    """The account's authenticator, confirmed or not."""
    return db.session.get(TotpFactor, account_id, populate_existing=True)


def has_confirmed_totp(account_id: UUID) -> bool:
    """Whether the account has an authenticator that is in force."""
    factor = find_totp(account_id)
    return factor is not None and factor.confirmed_at is not None


def put_unconfirmed_totp(account_id: UUID, sealed_secret: str, now: datetime) -> bool:
    """Begin anew with another secret; False where the account has a confirmed authenticator."""
    content = {"sealed_secret": sealed_secret, "created_at": now, "last_step": 0}
    statement = insert(TotpFactor).values(account_id=account_id, **content)
    statement = statement.on_conflict_do_update(
        index_elements=[TotpFactor.account_id], set_=content, where=TotpFactor.confirmed_at.is_(None)
    )
    return db.session.execute(statement.returning(TotpFactor.account_id)).one_or_none() is not None


def add_confirmed_totp(account_id: UUID, sealed_secret: str, now: datetime) -> None:
    """Keep the secret of an authenticator that is in use already."""
    values = {
        "account_id": account_id,
        "sealed_secret": sealed_secret,
        "created_at": now,
        "confirmed_at": now,
    }
    db.session.execute(insert(TotpFactor).values(**values))


def use_totp_step(account_id: UUID, step: int, **values: Any) -> bool:
    """Use a time step up: each one, and every one before it, serves once."""
    statement = (
        update(TotpFactor)
        .where(TotpFactor.account_id == account_id, TotpFactor.last_step < step)
        .values(last_step=step, **values)
        .returning(TotpFactor.account_id)
    )
    return db.session.execute(_quick(statement)).one_or_none() is not None


def remove_all(account_id: UUID) -> bool:
    """Remove authenticator and recovery codes; whether there was an authenticator."""
    db.session.execute(_quick(delete(RecoveryCode).where(RecoveryCode.account_id == account_id)))
    statement = delete(TotpFactor).where(TotpFactor.account_id == account_id)
    removed = db.session.execute(_quick(statement.returning(TotpFactor.account_id)))
    return removed.one_or_none() is not None


def replace_recovery_codes(account_id: UUID, code_hashes: list[str]) -> None:
    """Make these the only recovery codes."""
    db.session.execute(_quick(delete(RecoveryCode).where(RecoveryCode.account_id == account_id)))
    rows = [{"account_id": account_id, "code_hash": code_hash} for code_hash in code_hashes]
    db.session.execute(insert(RecoveryCode), rows)


def use_recovery_code(account_id: UUID, code_hashes: list[str]) -> bool:
    """Use a recovery code up; of many at once exactly one succeeds."""
    statement = delete(RecoveryCode).where(
        RecoveryCode.account_id == account_id, RecoveryCode.code_hash.in_(code_hashes)
    )
    used = db.session.execute(_quick(statement.returning(RecoveryCode.code_hash)))
    return used.first() is not None


def list_recovery_code_hashes(account_id: UUID) -> list[str]:
    """What is stored of the codes that are left."""
    statement = select(RecoveryCode.code_hash).where(RecoveryCode.account_id == account_id)
    return list(db.session.scalars(statement.order_by(RecoveryCode.code_hash)))


def count_recovery_codes(account_id: UUID) -> int:
    """How many are left."""
    statement = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.account_id == account_id)
    return int(db.session.scalar(statement) or 0)


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)

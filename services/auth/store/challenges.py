"""The challenges and tickets tables: every single-use thing is consumed by one conditional statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Account, Challenge, Ticket, db


@dataclass(frozen=True, slots=True)
class Consumed:
    """What a consumed challenge was for."""

    account_id: UUID
    details: dict[str, Any]


def put(*, account_id: UUID, purpose: str, now: datetime, not_since: datetime, **values: Any) -> bool:
    """Make a challenge the only one of its purpose; False where the last one was made after ``not_since``."""
    content = {"created_at": now, "consumed_at": None, "details": {}, **values}
    statement = insert(Challenge).values(account_id=account_id, purpose=purpose, **content)
    statement = statement.on_conflict_do_update(
        index_elements=[Challenge.account_id, Challenge.purpose],
        set_=content,
        where=Challenge.created_at <= not_since,
    )
    return db.session.execute(statement.returning(Challenge.account_id)).one_or_none() is not None


def find_account_of_token(purpose: str, token_hashes: list[str], now: datetime) -> UUID | None:
    """Whose challenge a link could consume."""
    wanted = (Challenge.token_hash.in_(token_hashes), Challenge.purpose == purpose, *_living(now))
    return db.session.scalar(select(Challenge.account_id).where(*wanted))


def consume_token(purpose: str, token_hashes: list[str], now: datetime) -> Consumed | None:
    """Consume the challenge of a link; None where there is none that lives."""
    statement = (
        update(Challenge)
        .where(Challenge.token_hash.in_(token_hashes), Challenge.purpose == purpose, *_living(now))
        .values(consumed_at=now)
        .returning(Challenge.account_id, Challenge.details)
    )
    return _consumed(db.session.execute(_quick(statement)).one_or_none())


def consume_code(purpose: str, owner: Any, code_hashes: list[str], now: datetime) -> Consumed | None:
    """Consume the challenge of the account that ``owner`` selects; a wrong code costs a try."""
    is_right = Challenge.code_hash.in_(code_hashes)
    statement = (
        update(Challenge)
        .where(
            Challenge.account_id.in_(select(Account.id).where(owner)),
            Challenge.purpose == purpose,
            Challenge.tries_left > 0,
            *_living(now),
        )
        .values(
            tries_left=Challenge.tries_left - 1,
            consumed_at=case((is_right, now), else_=None),
        )
        .returning(Challenge.account_id, Challenge.details, Challenge.consumed_at)
    )
    row = db.session.execute(_quick(statement)).one_or_none()
    return _consumed(row) if row and row.consumed_at else None


def forget(account_id: UUID, *purposes: str) -> None:
    """Make the mailed codes of an account worthless: all of them, or those of ``purposes``."""
    statement = delete(Challenge).where(Challenge.account_id == account_id)
    if purposes:
        statement = statement.where(Challenge.purpose.in_(purposes))
    db.session.execute(_quick(statement))


def add_ticket(**values: Any) -> None:
    """Keep something that was begun."""
    db.session.execute(insert(Ticket).values(**values))


def find_ticket(purpose: str, token_hashes: list[str], now: datetime) -> Ticket | None:
    """What was begun, if its time is not over."""
    wanted = (Ticket.token_hash.in_(token_hashes), Ticket.purpose == purpose, Ticket.expires_at > now)
    return db.session.scalars(select(Ticket).where(*wanted)).one_or_none()


def take_ticket(purpose: str, token_hashes: list[str], now: datetime) -> Row[Any] | None:
    """Take what was begun away, so that nobody else can go on with it."""
    statement = delete(Ticket).where(
        Ticket.token_hash.in_(token_hashes), Ticket.purpose == purpose, Ticket.expires_at > now
    )
    return db.session.execute(_quick(statement.returning(Ticket.account_id, Ticket.details))).one_or_none()


def forget_tickets(account_id: UUID) -> None:
    """Make what the account has begun worthless."""
    db.session.execute(_quick(delete(Ticket).where(Ticket.account_id == account_id)))


def _living(now: datetime) -> tuple[Any, ...]:
    return (Challenge.consumed_at.is_(None), Challenge.expires_at > now)


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)


def _consumed(row: Row[Any] | None) -> Consumed | None:
    return Consumed(row.account_id, row.details) if row else None

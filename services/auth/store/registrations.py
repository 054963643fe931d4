"""The registrations table: a sign-up that waits is consumed by one conditional statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, delete, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import Registration, db


@dataclass(frozen=True, slots=True)
class Proven:
    """A registration whose address was proven: what the account is made of."""

    email: str
    password_hash: str | None
    display_name: str | None
    locale: str


def put(
    *,
    email: str,
    password_hash: str,
    display_name: str | None,
    locale: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Keep a registration. Where one with another password waits, neither password counts any more."""
    content = {"password_hash": password_hash, "display_name": display_name, "locale": locale}
    statement = insert(Registration).values(email=email, created_at=now, expires_at=expires_at, **content)
    is_alive = Registration.expires_at > now
    is_contested = and_(
        is_alive, or_(Registration.is_contested, Registration.password_hash.is_distinct_from(password_hash))
    )
    statement = statement.on_conflict_do_update(
        index_elements=[Registration.email],
        set_={
            "is_contested": is_contested,
            "password_hash": case((is_contested, null()), else_=password_hash),
            "display_name": case((is_contested, null()), else_=display_name),
            "locale": locale,
            "purpose": case((is_alive, Registration.purpose), else_=null()),
            "created_at": now,
            "expires_at": expires_at,
        },
    )
    db.session.execute(statement)


def find_for_update(email: str, now: datetime) -> Registration | None:
    """The address's registration, if it waits; locked until the transaction ends."""
    statement = select(Registration).where(Registration.email == email, Registration.expires_at > now)
    statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(statement).one_or_none()


def forget(email: str) -> None:
    """Delete the address's registration, if there is one."""
    db.session.execute(_quick(delete(Registration).where(Registration.email == email)))


def consume_token(purpose: str, token_hashes: list[str], now: datetime) -> Proven | None:
    """Take the registration of a link away; None where there is none that lives."""
    statement = delete(Registration).where(
        Registration.token_hash.in_(token_hashes), Registration.purpose == purpose, *_living(now)
    )
    return _proven(statement)


def consume_code(purpose: str, email: str, code_hashes: list[str], now: datetime) -> Proven | None:
    """Take the registration of a code away; a wrong code costs a try."""
    wanted = (Registration.email == email, Registration.purpose == purpose, *_living(now))
    tried = update(Registration).where(*wanted, Registration.tries_left > 0)
    tried = tried.values(tries_left=Registration.tries_left - 1)
    is_right = Registration.code_hash.in_(code_hashes)
    if not db.session.scalar(_quick(tried.returning(is_right))):
        return None
    return _proven(delete(Registration).where(Registration.email == email))


def _proven(statement: Any) -> Proven | None:
    columns = (
        Registration.email,
        Registration.password_hash,
        Registration.display_name,
        Registration.locale,
    )
    row = db.session.execute(_quick(statement.returning(*columns))).one_or_none()
    return Proven(*row) if row else None


def _living(now: datetime) -> tuple[Any, ...]:
    return (Registration.code_expires_at > now, Registration.expires_at > now)


def _quick(statement: Any) -> Any:
    return statement.execution_options(synchronize_session=False)

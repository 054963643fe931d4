"""The accounts table. Stores never commit: the use case owns the transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.auth.models import (
    HAS_PASSWORD,
    HASH_PARAMETERS,
    Account,
    ApiKey,
    AuditEvent,
    Device,
    Passkey,
    Session,
    TotpFactor,
    db,
)
from shared.chassis.addresses import search_form

LIKE_ESCAPE = "\\"
READ_AT_ONCE = 1000
_ADMINISTRATION = 4_108_236_517  # any number that nothing else here locks


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a sign-in needs to know of an account."""

    account_id: UUID
    email: str
    password_hash: str | None
    is_active: bool
    is_verified: bool
    has_totp: bool


def add_unless_known(*, account_id: UUID, email: str, now: datetime, **values: Any) -> bool:
    """Make an account; False where the address has one."""
    statement = (
        insert(Account)
        .values(id=account_id, email=email, created_at=now, updated_at=now, **values)
        .on_conflict_do_nothing(index_elements=[Account.email])
        .returning(Account.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def take_profile(account_id: UUID, *, version: int, display_name: str | None, locale: str) -> None:
    """Copy name and language, unless a later version is there already or there is no such account."""
    is_older = (Account.id == account_id) & (Account.profile_version < version)
    db.session.execute(
        update(Account)
        .where(is_older)
        .values(profile_version=version, display_name=display_name, locale=locale)
    )


def find(account_id: UUID) -> Account | None:
    """The account, if there is one."""
    return db.session.get(Account, account_id)


def find_id(email: str) -> UUID | None:
    """Whose the address is."""
    return db.session.scalar(select(Account.id).where(Account.email == email))


def count_belongings(account_id: UUID, now: datetime) -> dict[str, int]:
    """How many rows of each kind are the account's, by table; of sessions the living ones."""
    lives = (Session.ended_at.is_(None), Session.expires_at > now)
    counts = [
        select(func.count())
        .where(model.account_id == account_id, *(lives if model is Session else ()))
        .scalar_subquery()
        .label(model.__tablename__)
        for model in (Session, ApiKey, Passkey, Device)
    ]
    return dict(db.session.execute(select(*counts)).mappings().one())


def find_for_update(account_id: UUID) -> Account | None:
    """The account, locked until the transaction ends."""
    return db.session.get(Account, account_id, with_for_update=True, populate_existing=True)


def lock(wanted: Any) -> None:
    """Lock the accounts that ``wanted`` selects until the transaction ends."""
    db.session.execute(select(Account.id).where(wanted).with_for_update())


def find_by_email_for_update(email: str) -> Account | None:
    """The account of the address, locked until the transaction ends."""
    statement = select(Account).where(Account.email == email).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def find_credentials(wanted: Any) -> Credentials | None:
    """What a sign-in needs of the account that ``wanted`` selects."""
    has_totp = (
        select(TotpFactor.account_id)
        .where(TotpFactor.account_id == Account.id, TotpFactor.confirmed_at.is_not(None))
        .exists()
    )
    statement = select(
        Account.id,
        Account.email,
        Account.password_hash,
        Account.is_active,
        Account.verified_at.is_not(None),
        has_totp,
    ).where(wanted)
    row = db.session.execute(statement).one_or_none()
    return Credentials(*row) if row else None


def lock_for_sign_in(account_id: UUID, *, password_hash: str | None) -> Account | None:
    """The account, locked, if it may still sign in (with that password hash, if one is given).

    A disabling or a change of password either comes first and is seen here, or comes after and sees the
    session that is being made.
    """
    account = find_for_update(account_id)
    if account is None or not account.is_active or account.verified_at is None:
        return None
    return account if password_hash in {None, account.password_hash} else None


def replace_password_hash(account_id: UUID, *, old: str, new: str) -> None:
    """Put a better hash of the same password in the place of ``old``, unless another has come there."""
    db.session.execute(
        update(Account)
        .where(Account.id == account_id, Account.password_hash == old)
        .values(password_hash=new)
    )


def take_notice_slot(account_id: UUID, now: datetime, *, not_since: datetime) -> bool:
    """Whether the owner may be told now that the address was registered again; at most one caller may."""
    statement = (
        update(Account)
        .where(
            Account.id == account_id,
            Account.told_of_registration_at.is_(None) | (Account.told_of_registration_at <= not_since),
        )
        .values(told_of_registration_at=now)
        .returning(Account.id)
    )
    return db.session.execute(statement).one_or_none() is not None


def lock_administration() -> None:
    """Let one at a time change who administrates, until its transaction ends."""
    db.session.execute(select(func.pg_advisory_xact_lock(_ADMINISTRATION)))


def has_other_administrator(account_id: UUID) -> bool:
    """Whether somebody else can administrate."""
    others = select(Account.id).where(
        Account.id != account_id,
        Account.is_active,
        Account.deletes_at.is_(None),
        Account.roles.contains(["admin"]),
    )
    return bool(db.session.scalar(select(others.exists())))


def has_other_hashes(parameters: str) -> bool:
    """Whether any password hash is another system's, or was made with other parameters than these."""
    least, greatest = db.session.connection().execute(_ENDS_OF_HASHES).one()
    return not {least, greatest} <= {None, parameters}


def _ends_of_hashes() -> Any:
    """The least and the greatest: one step into the index each, whatever the planner thinks of it."""
    of_hash: ColumnElement[str] = literal_column(HASH_PARAMETERS)
    with_password = select(of_hash).select_from(Account).where(text(HAS_PASSWORD)).limit(1)
    ends = (with_password.order_by(of_hash), with_password.order_by(of_hash.desc()))
    return select(*(end.scalar_subquery() for end in ends))


_ENDS_OF_HASHES = _ends_of_hashes()


def list_all() -> Iterator[Account]:
    """Every account, oldest first, read in batches."""
    statement = select(Account).order_by(Account.id).execution_options(yield_per=READ_AT_ONCE)
    yield from db.session.scalars(statement)


def lock_due(now: datetime, *, limit: int) -> Sequence[Account]:
    """Accounts whose day of deletion has come, locked until the transaction ends."""
    due = select(Account).where(Account.deletes_at <= now).limit(limit)
    return db.session.scalars(due.with_for_update(skip_locked=True)).all()


def lock_never_verified(*, registered_before: datetime, limit: int) -> Sequence[Account]:
    """Accounts that were registered before then and that nobody has verified, locked."""
    was_registered = (
        select(AuditEvent.id)
        .where(AuditEvent.account_id == Account.id, AuditEvent.action == "registered")
        .exists()
    )
    found = select(Account).where(
        Account.verified_at.is_(None), Account.created_at < registered_before, was_registered
    )
    return db.session.scalars(found.limit(limit).with_for_update(skip_locked=True)).all()


def search(
    *,
    q: str | None,
    email: str | None,
    is_active: bool | None,
    role: str | None,
    cursor: UUID | None,
    limit: int,
) -> Sequence[Account]:
    """Up to ``limit`` accounts before ``cursor``, newest first; ``q`` is how the address begins."""
    wanted: list[Any] = []
    if q:
        wanted.append(Account.email.like(f"{_escaped(search_form(q))}%", escape=LIKE_ESCAPE))
    if email is not None:
        wanted.append(Account.email == email)
    if is_active is not None:
        wanted.append(Account.is_active.is_(is_active))
    if role is not None:
        wanted.append(Account.roles.contains([role]))
    if cursor is not None:
        wanted.append(Account.id < cursor)
    return db.session.scalars(select(Account).where(*wanted).order_by(Account.id.desc()).limit(limit)).all()


def _escaped(text: str) -> str:
    for mark in (LIKE_ESCAPE, "%", "_"):
        text = text.replace(mark, LIKE_ESCAPE + mark)
    return text

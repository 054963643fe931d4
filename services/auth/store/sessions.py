"""The sessions table. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Float, Table, bindparam, case, func, select, update

from services.auth.models import Account, Session, db
from services.auth.models.sessions import ROTATIONS_KEPT


@dataclass(frozen=True, slots=True)
class Standing:
    """A session and what its account is worth now: all that a token pair is made of."""

    session_id: UUID
    account_id: UUID
    counter: int
    rotations: Sequence[float]
    methods: list[str]
    authenticated_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    roles: list[str]
    version: int
    is_verified: bool
    is_active: bool

    @property
    def is_ended(self) -> bool:
        """Whether no token of the session is worth anything any more."""
        return self.ended_at is not None or not self.is_active


_table = cast("Table", Session.__table__)
_STANDING = (
    Session.id,
    Session.account_id,
    Session.counter,
    Session.rotations,
    Session.methods,
    Session.authenticated_at,
    Session.last_used_at,
    Session.expires_at,
    Session.ended_at,
    Account.roles,
    Account.version,
    Account.verified_at.is_not(None),
    Account.is_active,
)


def add(**values: Any) -> Session:
    """Make a session."""
    session = Session(**values)
    db.session.add(session)
    return session


# Built once and run without the ORM: a refresh is the most frequent call.
_ROTATE = (
    update(_table)
    .where(
        _table.c.id == bindparam("session_id"),
        _table.c.counter == bindparam("presented"),
        _table.c.ended_at.is_(None),
        _table.c.expires_at > bindparam("now"),
        _table.c.last_used_at > bindparam("idle_since"),
        Account.id == _table.c.account_id,
        Account.is_active,
    )
    .values(
        counter=_table.c.counter + 1,
        rotations=func.trim_array(
            func.array_prepend(bindparam("rotated_at", type_=Float), _table.c.rotations),
            case((func.cardinality(_table.c.rotations) >= ROTATIONS_KEPT, 1), else_=0),
        ),
        last_used_at=bindparam("now"),
        ip=bindparam("from_ip"),
        user_agent=bindparam("from_user_agent"),
    )
    .returning(*_STANDING)
)


def rotate(
    session_id: UUID, counter: int, *, now: datetime, idle_since: datetime, ip: str, user_agent: str
) -> Standing | None:
    """Make the next refresh token the current one, if ``counter`` is the current one of a living session.

    One conditional UPDATE: of many at once exactly one finds the row as it was.
    """
    parameters = {
        "session_id": session_id,
        "presented": counter,
        "now": now,
        "idle_since": idle_since,
        "rotated_at": now.timestamp(),
        "from_ip": ip,
        "from_user_agent": user_agent,
    }
    return _standing(db.session.connection().execute(_ROTATE, parameters).one_or_none())


def find_standing(session_id: UUID) -> Standing | None:
    """The session with its account, living or ended."""
    statement = (
        select(*_STANDING).join(Account, Account.id == Session.account_id).where(Session.id == session_id)
    )
    return _standing(db.session.execute(statement).one_or_none())


def list_living(account_id: UUID, *, now: datetime, idle_since: datetime) -> Sequence[Session]:
    """The account's sessions that a refresh could still prolong, latest used first."""
    statement = select(Session).where(
        Session.account_id == account_id,
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.last_used_at > idle_since,
    )
    return db.session.scalars(statement.order_by(Session.last_used_at.desc())).all()


def end(*wanted: Any, now: datetime, reason: str) -> list[UUID]:
    """End the sessions that ``wanted`` selects and that have not ended; their ids."""
    statement = (
        update(Session)
        .where(Session.ended_at.is_(None), *wanted)
        .values(ended_at=now, end_reason=reason)
        .returning(Session.id)
    )
    result = db.session.execute(statement.execution_options(synchronize_session=False))
    return list(result.scalars())


def note_authentication(session_id: UUID, now: datetime) -> None:
    """Note that the caller proved itself again in this session."""
    statement = update(Session).where(Session.id == session_id).values(authenticated_at=now)
    db.session.execute(statement.execution_options(synchronize_session=False))


def _standing(row: Any) -> Standing | None:
    return Standing(*row) if row else None

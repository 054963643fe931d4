"""The sessions table. Stores never commit: the use case owns the transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, Float, Table, Uuid, bindparam, case, column, func, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy import values as rows_of
from sqlalchemy.dialects.postgresql import array

from services.auth.models import Account, Membership, Session, db
from services.auth.models.sessions import MILESTONES_IN_GRACE, MILESTONES_KEPT, ROTATIONS_KEPT


@dataclass(frozen=True, slots=True)
class Standing:
    """A session and the current state of its account: all that a token pair is made of."""

    session_id: UUID
    account_id: UUID
    counter: int
    rotations: Sequence[float]
    milestones: Sequence[float]
    received: int
    methods: list[str]
    authenticated_at: datetime
    last_used_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    roles: list[str]
    version: int
    is_verified: bool
    is_active: bool
    organization_id: UUID | None = None
    organization_role: str | None = None  # None: the account is no member of it any more

    @property
    def is_ended(self) -> bool:
        """Whether every token of the session is invalid."""
        return self.ended_at is not None or not self.is_active


_table = cast("Table", Session.__table__)
_ROLE = (
    select(Membership.role)
    .where(
        Membership.account_id == _table.c.account_id,
        Membership.organization_id == _table.c.organization_id,
    )
    .correlate(_table)
    .scalar_subquery()
)
_STANDING = (
    Session.id,
    Session.account_id,
    Session.counter,
    Session.rotations,
    Session.milestones,
    Session.received,
    Session.methods,
    Session.authenticated_at,
    Session.last_used_at,
    Session.expires_at,
    Session.ended_at,
    Account.roles,
    Account.version,
    Account.verified_at.is_not(None),
    Account.is_active,
    Session.organization_id,
    _ROLE,
)


def add(**values: Any) -> Session:
    """Make a session."""
    session = Session(**values)
    db.session.add(session)
    return session


def _with_milestone() -> Any:
    """The milestones, and one for this rotation if the newest is not too near; none that is over."""
    known = _table.c.milestones
    newest_at = func.coalesce(known[2], 0.0)
    this = array([cast_to(_table.c.counter + 1, Float), bindparam("rotated_at", type_=Float)])
    surplus = func.greatest(func.cardinality(known) + 2 - 2 * MILESTONES_KEPT, 0)
    return case(
        (newest_at <= bindparam("grace_since", type_=Float), this),
        (newest_at > bindparam("milestone_since", type_=Float), known),
        else_=func.trim_array(func.array_cat(this, known), surplus),
    )


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
        milestones=_with_milestone(),
        last_used_at=bindparam("now"),
        ip=bindparam("from_ip"),
        user_agent=bindparam("from_user_agent"),
    )
    .returning(*_STANDING)
)


def rotate(
    session_id: UUID,
    counter: int,
    *,
    now: datetime,
    idle_since: datetime,
    grace: timedelta,
    ip: str,
    user_agent: str,
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
        "grace_since": (now - grace).timestamp(),
        "milestone_since": (now - grace / MILESTONES_IN_GRACE).timestamp(),
        "from_ip": ip,
        "from_user_agent": user_agent,
    }
    return _standing(db.session.connection().execute(_ROTATE, parameters).one_or_none())


# As above.
_FIND_STANDING = (
    select(*_STANDING)
    .join(Account, Account.id == Session.account_id)
    .where(Session.id == bindparam("session_id"))
)


def find_standing(session_id: UUID) -> Standing | None:
    """The session with its account, living or ended."""
    db.session.flush()  # what the caller's transaction has changed
    found = db.session.connection().execute(_FIND_STANDING, {"session_id": session_id})
    return _standing(found.one_or_none())


_FIND_VERSION = (
    select(Account.version)
    .join(Session, Account.id == Session.account_id)
    .where(Session.id == bindparam("session_id"), Session.ended_at.is_(None), Account.is_active)
)


def look_at_version(session_id: UUID) -> int | None:
    """The token version of the session's account, if both are alive.

    A statement of its own, outside the caller's transaction: a third of what it costs within one.
    """
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return connection.scalar(_FIND_VERSION, {"session_id": session_id})


def list_living(account_id: UUID, *, now: datetime, idle_since: datetime) -> Sequence[Session]:
    """The account's sessions that a refresh could still prolong, latest used first."""
    statement = select(Session).where(
        Session.account_id == account_id,
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.last_used_at > idle_since,
    )
    return db.session.scalars(statement.order_by(Session.last_used_at.desc())).all()


# As above: every sign-in asks, and nearly none finds any.
_END_SURPLUS = (
    update(_table)
    .where(
        _table.c.id.in_(
            select(Session.id)
            .where(Session.account_id == bindparam("owner"), Session.ended_at.is_(None))
            .order_by(Session.last_used_at.desc(), Session.id.desc())
            .offset(bindparam("kept"))
        )
    )
    .values(ended_at=bindparam("now"), end_reason=bindparam("reason"))
    .returning(_table.c.id)
)


def end_surplus(account_id: UUID, *, kept: int, now: datetime, reason: str) -> list[UUID]:
    """End the account's sessions that have not ended, but for the ``kept`` that were used last; their ids."""
    db.session.flush()  # the one that begins
    parameters = {"owner": account_id, "kept": kept, "now": now, "reason": reason}
    return list(db.session.connection().execute(_END_SURPLUS, parameters).scalars())


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


def note_received(pairs: Mapping[UUID, int]) -> set[UUID]:
    """Note which pairs were received; the sessions of which this is settled.

    A session that somebody else is just changing is left for the next time: whoever changes several sessions
    locks them in an order of their own.
    """
    wanted = select(Session.id).where(Session.id.in_(pairs))
    living = set(db.session.scalars(wanted))
    free = set(db.session.scalars(wanted.order_by(Session.id).with_for_update(skip_locked=True, of=Session)))
    if free:
        reported = rows_of(column("id", Uuid), column("number", BigInteger), name="reported")
        reported = reported.data([(session_id, pairs[session_id]) for session_id in free])
        statement = update(_table).where(_table.c.id == reported.c.id, _table.c.received < reported.c.number)
        db.session.connection().execute(statement.values(received=reported.c.number))
    return set(pairs) - (living - free)


def find_device(session_id: UUID) -> UUID | None:
    """The device that the session began on."""
    return db.session.scalar(select(Session.device_id).where(Session.id == session_id))


def note_authentication(session_id: UUID, now: datetime, methods: list[str]) -> None:
    """Note that the caller proved itself again in this session."""
    statement = update(Session).where(Session.id == session_id).values(authenticated_at=now, methods=methods)
    db.session.execute(statement.execution_options(synchronize_session=False))


def _standing(row: Any) -> Standing | None:
    return Standing(*row) if row else None

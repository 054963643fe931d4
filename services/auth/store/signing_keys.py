"""The signing_keys table. Stores never commit: the use case owns the transaction.

It is read beside requests as well, so each function is given the connection to use.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update

from services.auth.models import SigningKey


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair as it is stored: the public half for everybody, the private one sealed."""

    kid: str
    algorithm: str
    public_jwk: dict[str, str]
    sealed_private_key: str
    signs_from: datetime
    signs_until: datetime | None
    accepted_until: datetime | None

    def signs_at(self, moment: datetime) -> bool:
        """Whether tokens may be signed with it then."""
        return self.signs_from <= moment and (self.signs_until is None or moment < self.signs_until)

    def is_accepted_at(self, moment: datetime) -> bool:
        """Whether a token under it may be valid then."""
        return self.accepted_until is None or moment < self.accepted_until


_LOCK = 7_221_940_316  # any number that nothing else here locks
_table = cast("Table", SigningKey.__table__)
_NEWEST_FIRST = select(*(_table.c[field.name] for field in fields(KeyPair))).order_by(
    _table.c.signs_from.desc(), _table.c.kid
)


def lock(connection: Connection) -> None:
    """Let one at a time change the keys, until its transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def list_accepted(connection: Connection, now: datetime) -> list[KeyPair]:
    """The keys under which a token may be valid, the latest to sign first."""
    is_accepted = _table.c.accepted_until.is_(None) | (_table.c.accepted_until > now)
    return _pairs(connection, _NEWEST_FIRST.where(is_accepted))


def list_all(connection: Connection) -> list[KeyPair]:
    """Every key that is still there, the latest to sign first."""
    return _pairs(connection, _NEWEST_FIRST)


def _pairs(connection: Connection, statement: Select[Any]) -> list[KeyPair]:
    return [KeyPair(*row) for row in connection.execute(statement)]


def add(connection: Connection, **values: Any) -> None:
    """Make a key."""
    connection.execute(insert(_table).values(**values))


def retire(
    connection: Connection, *, but: str | None, signs_until: datetime, accepted_until: datetime
) -> None:
    """Let every key but one end to sign, where it does not end before."""
    statement = update(_table).where(
        _table.c.kid.is_distinct_from(but),
        _table.c.signs_until.is_(None) | (_table.c.signs_until > signs_until),
    )
    connection.execute(statement.values(signs_until=signs_until, accepted_until=accepted_until))


def prolong(
    connection: Connection, kid: str, *, signs_until: datetime | None, accepted_until: datetime | None
) -> None:
    """Let a key sign longer than was planned."""
    statement = update(_table).where(_table.c.kid == kid)
    connection.execute(statement.values(signs_until=signs_until, accepted_until=accepted_until))


def withdraw(connection: Connection, kid: str, now: datetime) -> bool:
    """Accept nothing more under the key; whether there was such a one."""
    statement = update(_table).where(_table.c.kid == kid).values(signs_until=now, accepted_until=now)
    return connection.execute(statement.returning(_table.c.kid)).one_or_none() is not None


def forget(connection: Connection, *, accepted_before: datetime) -> None:
    """Delete the keys under which no token has been valid since."""
    connection.execute(delete(_table).where(_table.c.accepted_until < accepted_before))

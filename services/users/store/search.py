"""Searches in the profiles table, for administrators. Stores never commit: the use case owns the transaction.

Each filter and each order has an index that it can use; ``tests/users/search_plans.py`` shows that it does.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
from flask import current_app
from sqlalchemy import ColumnElement, Select, Subquery, func, inspect, select, text, tuple_

from services.users.models import Profile, db
from shared.chassis.addresses import search_form

LIKE_ESCAPE = "\\"
# Shorter texts have no trigram to look for: they are taken as how a name or an address begins.
SHORTEST_PART = 3
_AFTER_ANY_MARK = "\U0010ffff"
_EXTENSION = "doorward_users_has_trigrams"

_MEMBERS = [getattr(Profile, member.key) for member in inspect(Profile).column_attrs]

# What ``sort`` names. Names are compared without case, addresses are stored in one form; both by code point,
# so that the order is the same on every server.
KEYS: Mapping[str, ColumnElement[Any]] = {
    "created_at": Profile.created_at.expression,
    "name": func.coalesce(func.lower(Profile.name), "").collate("C"),
    "email": Profile.email.collate("C"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a profile must be to be found; None: anything."""

    q: str | None = None
    is_loose: bool = False  # a name that is written almost as ``q``, and no part of one
    email: str | None = None
    email_prefix: str | None = None
    is_active: bool | None = None
    role: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class Hit(NamedTuple):
    """A profile that was found, and its sort key."""

    profile: Profile  # a row with its members, to be read: to keep objects takes longer than to load them
    key: Any


def find_page(filters: Filters, *, sort: str, after: tuple[Any, UUID] | None, limit: int) -> list[Hit]:
    """Up to ``limit`` profiles after ``after``, in the order ``sort``: one of KEYS, `-` descending."""
    key, is_descending = KEYS[sort.removeprefix("-")], sort.startswith("-")
    wanted = _MEMBERS if filters.q is None else [Profile.id]
    statement = _matching(filters, select(*wanted, key.label("key")))
    if after is not None:
        position = tuple_(key, Profile.id)
        statement = statement.where(position < after if is_descending else position > after)
    statement = _in_order(statement, key, Profile.id, is_descending=is_descending).limit(limit)
    if filters.q is not None:
        statement = _whole(statement.subquery(), is_descending=is_descending)
    with _planned_for_the_values() if filters != Filters() else nullcontext():
        return [Hit(cast("Profile", row), row.key) for row in db.session.execute(statement).all()]


@contextmanager
def _planned_for_the_values() -> Iterator[None]:
    """Have no statement prepared meanwhile: PostgreSQL would keep one plan for rare and for common names."""
    connection = cast("psycopg.Connection[Any]", db.session.connection().connection.driver_connection)
    threshold, connection.prepare_threshold = connection.prepare_threshold, None
    try:
        yield
    finally:
        connection.prepare_threshold = threshold


def _whole(found: Subquery, *, is_descending: bool) -> Select[Any]:
    """The profiles of a page that was found by what an index has of them, most of whom do not match."""
    statement = select(*_MEMBERS, found.c.key).join(found, found.c.id == Profile.id)
    return _in_order(statement, found.c.key, found.c.id, is_descending=is_descending)


def _in_order(statement: Select[Any], *parts: Any, is_descending: bool) -> Select[Any]:
    return statement.order_by(*(part.desc() if is_descending else part.asc() for part in parts))


def loosened(filters: Filters) -> Filters | None:
    """What to look for where nothing contains ``q``; None where there is nothing else.

    Never both in one query: how alike two names are is seldom asked for, and takes ten times as long to tell.
    """
    q = filters.q
    if q is None or filters.is_loose or len(q) < SHORTEST_PART or "@" in q or not _has_trigrams():
        return None
    return replace(filters, is_loose=True)


def estimate(filters: Filters) -> int:
    """About how many profiles match, by the planner's statistics."""
    compiled = _matching(filters, select(Profile.id)).compile(db.engine)
    plan = db.session.connection().exec_driver_sql(
        f"EXPLAIN (FORMAT JSON) {compiled}", compiled.construct_params()
    )
    return int(plan.scalar_one()[0]["Plan"]["Plan Rows"])


def count(filters: Filters) -> int:
    """How many profiles match, exactly, which reads them all."""
    return db.session.scalar(_matching(filters, select(func.count()).select_from(Profile))) or 0


def stream(filters: Filters, *, batch: int) -> Iterator[Profile]:
    """Every profile that matches, oldest first, as of now, ``batch`` at a time in memory."""
    statement = _matching(filters, select(Profile)).order_by(Profile.created_at, Profile.id)
    with closing(db.session.scalars(statement.execution_options(yield_per=batch))) as profiles:
        yield from profiles


def _matching(filters: Filters, statement: Select[Any]) -> Select[Any]:
    if filters.q:
        statement = statement.where(_is_like(filters.q) if filters.is_loose else _contains(filters.q))
    if filters.email is not None:
        statement = statement.where(Profile.email == filters.email)
    if filters.email_prefix:
        start, email = search_form(filters.email_prefix), KEYS["email"]
        statement = statement.where(email >= start, email < start + _AFTER_ANY_MARK)
    if filters.is_active is not None:
        statement = statement.where(Profile.is_active if filters.is_active else ~Profile.is_active)
    if filters.role is not None:
        statement = statement.where(Profile.roles.contains([filters.role]), Profile.roles != text("'[]'"))
    if filters.created_after is not None:
        statement = statement.where(Profile.created_at > filters.created_after)
    if filters.created_before is not None:
        statement = statement.where(Profile.created_at < filters.created_before)
    return statement


def _is_like(q: str) -> ColumnElement[bool]:
    """A name that is written almost so."""
    return KEYS["name"].bool_op("%>")(q)


def _contains(q: str) -> ColumnElement[bool]:
    """Part of the name, or of the address, which is stored without capitals."""
    start = "" if len(q) < SHORTEST_PART else "%"
    in_name = KEYS["name"].like(func.lower(f"{start}{_escaped(q)}%"), escape=LIKE_ESCAPE)
    return in_name | Profile.email.like(f"{start}{_escaped(search_form(q))}%", escape=LIKE_ESCAPE)


def _has_trigrams() -> bool:
    """Whether the database has the extension pg_trgm, asked once."""
    if _EXTENSION not in current_app.extensions:
        found = db.session.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'"))
        current_app.extensions[_EXTENSION] = found is not None
    return bool(current_app.extensions[_EXTENSION])


def _escaped(text_: str) -> str:
    """``text_`` with LIKE's own marks taken literally."""
    for mark in (LIKE_ESCAPE, "%", "_"):
        text_ = text_.replace(mark, LIKE_ESCAPE + mark)
    return text_

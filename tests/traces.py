"""What is found of an account in the places where something of it may be: tables, Redis, pictures, logs.

And what of its id stays by design: ``KEPT`` and ``KEPT_IN_REDIS``, which docs/users.md gives the reasons of.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from redis import Redis

# The id of a deleted account, in these tables alone. Its name and its addresses stay nowhere.
KEPT = {
    "auth.audit_events",
    "auth.revocations",
    "users.tombstones",
    "users.erasures",
    "notifications.recipients",
    "notifications.events",
}
KEPT_IN_REDIS = {"doorward:revoked", "doorward:users:profile:", "doorward:limit:"}
_TABLES = """SELECT relname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
             WHERE relkind IN ('r', 'p', 'm') AND nspname = 'public'"""


def forms_of(account_id: str) -> list[str]:
    """The id as it may be written; without its dashes it is also how a column of bytes is shown."""
    return [account_id, UUID(account_id).hex]


def in_tables(connection: "psycopg.Connection[Any]", marks: Iterable[str]) -> set[str]:
    """The tables that have one of the marks anywhere in a row, in text, JSON or bytes, in whatever case."""
    forms = [f"%{form}%" for mark in marks for form in (mark, mark.encode().hex())]
    found = set()
    for (table,) in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT 1 FROM {} AS r WHERE r::text ILIKE ANY (%s) LIMIT 1")
        if connection.execute(query.format(sql.Identifier(table)), [forms]).fetchone():
            found.add(table)
    return found


def in_redis(client: "Redis", marks: Iterable[str]) -> set[str]:
    """The keys that have one of the marks in their name or in their value."""
    sought = [mark.encode().lower() for mark in marks]
    return {
        key.decode(errors="replace")
        for key in client.scan_iter(count=1000)
        if any(mark in part.lower() for part in (key, *_parts(client, key)) for mark in sought)
    }


def _parts(client: Any, key: bytes) -> Iterator[bytes]:
    """What a key has, as bytes; raises KeyError for a type that nothing here uses."""
    read = {
        b"string": lambda: [client.get(key) or b""],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"none": list,  # it has just expired
    }
    yield from read[client.type(key)]()


def is_kept_in_redis(key: str) -> bool:
    """Whether the key may have the id of a deleted account."""
    return any(key.startswith(prefix) for prefix in KEPT_IN_REDIS)


def in_files(paths: Iterable[Path], marks: Iterable[str]) -> set[str]:
    """The files that have one of the marks, in whatever case."""
    sought = [mark.encode().lower() for mark in marks]
    return {path.name for path in paths if any(mark in path.read_bytes().lower() for mark in sought)}

"""The use cases of the administrators' search: a page of what matches, and all of it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.users.models import db
from services.users.profiles.estimates import estimates
from services.users.profiles.rendering import as_administered
from services.users.store import search as store
from services.users.store.search import Filters, Hit
from shared.chassis import pagination
from shared.chassis.database import single_statements, transaction

BATCH = 1000


def search(*, limit: int, sort: str, cursor: tuple[Any, UUID] | None, **filters: Any) -> dict[str, Any]:
    """One page of the profiles that match, and about how many there are in all.

    Where no name or address contains ``q``, those match whose name is written almost so.
    """
    wanted = Filters(**filters)
    after = _position(sort, cursor) if cursor else None
    with single_statements(db):
        wanted, hits = _find(wanted, sort=sort, after=after, limit=limit + 1)
        page = pagination.page_of(hits, limit=limit, key=_key)
        is_all = cursor is None and page["next_cursor"] is None
        return {
            "items": [as_administered(hit.profile) for hit in page["items"]],
            "next_cursor": page["next_cursor"],
            "estimated_total": len(hits) if is_all else max(estimates().of(wanted), len(hits)),
        }


def _find(wanted: Filters, **page: Any) -> tuple[Filters, list[Hit]]:
    """What was found, and by which filters."""
    hits = store.find_page(wanted, **page)
    if not hits and (loose := store.loosened(wanted)) is not None:
        return loose, store.find_page(loose, **page)
    return wanted, hits


def _key(hit: Hit) -> tuple[str, UUID]:
    return (hit.key.isoformat() if isinstance(hit.key, datetime) else hit.key, hit.profile.id)


def _position(sort: str, cursor: tuple[Any, UUID]) -> tuple[Any, UUID]:
    key, last_id = cursor
    return (datetime.fromisoformat(key) if sort.endswith("created_at") else key, last_id)


def count(**filters: Any) -> int:
    """How many profiles match."""
    with transaction(db):
        return store.count(_found(filters))


def give_out(**filters: Any) -> Iterator[bytes]:
    """Every profile that matches as a line of JSON, as administrators see it, oldest first."""
    with transaction(db) as session:
        for profile in store.stream(_found(filters), batch=BATCH):
            yield orjson.dumps(as_administered(profile), option=orjson.OPT_APPEND_NEWLINE)
            session.expunge(profile)


def _found(filters: dict[str, Any]) -> Filters:
    """The filters as ``search`` uses them."""
    wanted = Filters(**filters)
    if store.find_page(wanted, sort="created_at", after=None, limit=1):
        return wanted
    return store.loosened(wanted) or wanted

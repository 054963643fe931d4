"""Keyset pages: ``?limit=&cursor=`` answers ``{items, next_cursor}``.

A cursor is the sort key of the last item, so that it stays right while rows come and go. It is sealed with
the query that it belongs to: nobody learns what it says, and another path or other filters refuse it.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import orjson
from flask import current_app, request
from marshmallow import ValidationError, fields, validate

from shared.chassis import errors
from shared.chassis.schemas import Schema
from shared.chassis.sealing import SealBroken, Sealer

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200
LONGEST_CURSOR = 2000
_SEALERS = "doorward_cursor_sealer"
# What a query may change from page to page.
_FREE = ("limit", "cursor")
Item = TypeVar("Item")


class CursorOfAnotherQuery(errors.ApiError):
    """The cursor is from another path, or from a query with other filters or another order."""

    status = 400
    code = "cursor_of_another_query"
    detail = "This cursor belongs to another query; start again without a cursor."


class Position(fields.Field[tuple[Any, ...]]):
    """Where a page begins: the sort key of the last item seen, ending with its id, as opaque text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[Any, ...]:
        try:
            content = orjson.loads(_sealer().open(str(value)[:LONGEST_CURSOR]))
        except SealBroken as error:
            raise ValidationError("This is not a cursor that we gave out.") from error
        if content["query"] != _query():
            raise CursorOfAnotherQuery
        *sort_key, last_id = content["after"]
        return (*sort_key, UUID(last_id))


class Cursor(Position):
    """The position in a list that is sorted by id: the id alone."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        (last_id,) = super()._deserialize(value, attr, data, **kwargs)
        return last_id


class PageQuerySchema(Schema):
    """The query of every list."""

    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAXIMUM_LIMIT))
    cursor: Position = Cursor(load_default=None, metadata={"type": "string"})


def page_of(items: Sequence[Item], *, limit: int, key: Callable[[Item], Any]) -> dict[str, Any]:
    """One page out of ``limit + 1`` rows: the extra row only says that there is more.

    ``key`` gives the sort key of an item, a tuple that ends with its id; or the id alone.
    """
    shown = list(items[:limit])
    has_more = len(items) > limit
    return {"items": shown, "next_cursor": cursor_after(key(shown[-1])) if has_more else None}


def cursor_after(key: Any) -> str:
    """The cursor of what the present query shows behind the item with that sort key."""
    after = key if isinstance(key, tuple) else (key,)
    return _sealer().seal(orjson.dumps({"query": _query(), "after": after}))


def _query() -> str:
    """What the present request asks for, but for the page."""
    asked = sorted((name, value) for name, value in request.args.items(multi=True) if name not in _FREE)
    return hashlib.blake2b(orjson.dumps([request.path, asked]), digest_size=16).hexdigest()


def _sealer() -> Sealer:
    if _SEALERS not in current_app.extensions:
        secrets = current_app.extensions["doorward_settings"].own_secrets
        current_app.extensions[_SEALERS] = Sealer(secrets, "cursor")
    sealer: Sealer = current_app.extensions[_SEALERS]
    return sealer

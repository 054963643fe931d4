"""Keyset pages: ``?limit=&cursor=`` answers ``{items, next_cursor}``.

A cursor is the sort key of the last item, opaque to the client; it stays right while rows come and go.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from shared.chassis.schemas import Schema

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 200
Item = TypeVar("Item")


class Cursor(fields.Field[UUID]):
    """The id of the last item seen, as URL-safe text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> UUID:
        try:
            return UUID(bytes=base64.urlsafe_b64decode(f"{value}==".encode()))
        except (binascii.Error, ValueError) as error:
            raise ValidationError("This is not a cursor that we gave out.") from error


class PageQuerySchema(Schema):
    """The query of every list."""

    limit = fields.Integer(load_default=DEFAULT_LIMIT, validate=validate.Range(1, MAXIMUM_LIMIT))
    cursor = Cursor(load_default=None, metadata={"type": "string"})


def page_of(items: Sequence[Item], *, limit: int, key: Callable[[Item], UUID]) -> dict[str, Any]:
    """One page out of ``limit + 1`` rows: the extra row only says that there is more."""
    shown = list(items[:limit])
    has_more = len(items) > limit
    return {"items": shown, "next_cursor": encode(key(shown[-1])) if has_more else None}


def encode(last_id: UUID) -> str:
    """The cursor after the item ``last_id``."""
    return base64.urlsafe_b64encode(last_id.bytes).decode().rstrip("=")

"""Holdings: what a service's tables have on an account, for the copy that its owner may ask for.

Each service lists its tables once: what is exported, and what is left out for which reason. A test fails
where a table with an account's id is in neither list. The rows go out as lines of JSON, one table after
another, and a last line that says that nothing was cut off.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from flask import Response, stream_with_context
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, select

LINES = "application/x-ndjson"
BATCH = 500
END = b'{"end":true}'


@dataclass(frozen=True, slots=True)
class Exported:
    """A table, which of its rows are an account's, and its columns that say nothing to anybody."""

    model: type[Any]
    is_of: Callable[[UUID], ColumnElement[bool]]
    hidden: frozenset[str] = frozenset()

    @property
    def table(self) -> str:
        """The name of the table."""
        return str(self.model.__tablename__)

    @property
    def columns(self) -> list[Any]:
        """The columns that are exported."""
        return [column for column in self.model.__table__.columns if column.name not in self.hidden]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that is not exported, and why."""

    model: type[Any]
    reason: str

    @property
    def table(self) -> str:
        """The name of the table."""
        return str(self.model.__tablename__)


Holdings = Sequence[Exported | LeftOut]


def lines(db: SQLAlchemy, holdings: Holdings, account_id: UUID) -> Iterator[bytes]:
    """Every exported row of the account as a line, a batch of rows in memory at a time; then the end."""
    for holding in holdings:
        if isinstance(holding, Exported):
            yield from _lines_of(db, holding, account_id)
    yield END + b"\n"


def _lines_of(db: SQLAlchemy, holding: Exported, account_id: UUID) -> Iterator[bytes]:
    key = list(holding.model.__table__.primary_key)
    rows = select(*holding.columns).where(holding.is_of(account_id)).order_by(*key)
    with closing(db.session.execute(rows.execution_options(yield_per=BATCH))) as found:
        for row in found.mappings():
            shown = {str(column.name): row[column] for column in holding.columns}
            yield orjson.dumps({"table": holding.table, "row": shown}, option=orjson.OPT_UTC_Z) + b"\n"


def streamed(db: SQLAlchemy, holdings: Holdings, account_id: UUID) -> Response:
    """The lines as an answer to another process."""
    return Response(stream_with_context(lines(db, holdings, account_id)), content_type=LINES)

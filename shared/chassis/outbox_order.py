"""The order of the outbox: messages of one subject reach a subscriber one after the other.

A row with an ``order_key`` waits until the subscriber has acknowledged every earlier row of that key: so
nothing that happens on the way, a repetition included, can change the order. Positions are given out while
the sender holds the row that the message is about: they are in the order of its commits. A dead message holds
up nothing.
"""

from typing import Any

from sqlalchemy import ColumnElement, Index, and_, exists, or_, select, text, update
from sqlalchemy.orm import aliased

# A row that waits for another is looked at again after this long, should nobody wake it.
ASLEEP_SECONDS = 5.0


def index() -> Index:
    """Where the rows of one key are found in their order."""
    is_ordered = text("order_key IS NOT NULL AND died_at IS NULL")
    return Index("ix_outbox_order_key", "subscriber", "order_key", "position", postgresql_where=is_ordered)


def is_first(model: Any) -> ColumnElement[bool]:
    """Whether no earlier message of the same key still waits for the same subscriber."""
    earlier = aliased(model)
    waits = exists(
        select(1)
        .where(
            earlier.subscriber == model.subscriber,
            earlier.order_key == model.order_key,
            earlier.position < model.position,
            earlier.died_at.is_(None),
        )
        .correlate(model)
    )
    return or_(model.order_key.is_(None), ~waits)


def next_of(model: Any, subscriber: str, order_key: str) -> ColumnElement[bool]:
    """The row that is published next under the key, unless it was published before."""
    rows = aliased(model)
    position = (
        select(rows.position)
        .where(rows.subscriber == subscriber, rows.order_key == order_key, rows.died_at.is_(None))
        .order_by(rows.position)
        .limit(1)
        .scalar_subquery()
    )
    return and_(model.position == position, model.subscriber == subscriber, model.attempts == 0)


def wake(model: Any, subscriber: str, order_key: str, *, at: Any) -> Any:
    """The statement that makes that row due."""
    return update(model).where(next_of(model, subscriber, order_key)).values(available_at=at)

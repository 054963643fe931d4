"""Rows that are due next month cost nothing now: what a step of the relay reads, with few and with very many.

`python -m tests.notifications scheduled` measures a step beside a million; the test looks at its plans there.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import text

from services.notifications.delivery import bells
from services.notifications.lanes import LANES
from services.notifications.models import db
from services.notifications.store import attempts, queue
from shared.chassis.database import transaction

FILL = """
WITH made AS (
    INSERT INTO messages (id, template, locale, topic, created_at)
    SELECT gen_random_uuid(), 'message', 'en', 'general', now() FROM generate_series(1, :rows) RETURNING id
)
INSERT INTO deliveries (id, message_id, channel, lane, address, address_key, header_message_id, status,
                        due_at, next_attempt_at, created_at, updated_at)
SELECT gen_random_uuid(), id, 'email', :lane, 'a@example.org', 'a@example.org', '<1@x.test>', :status,
       now() + make_interval(days => :days), now() + make_interval(days => :days), now(), now()
FROM made
"""

QUICK_FILL = """
INSERT INTO deliveries (id, message_id, channel, lane, address, address_key, header_message_id, status,
                        due_at, next_attempt_at, created_at, updated_at)
SELECT id, id, 'email', 'normal', '', '', '', :status, at, at, now(), now()
FROM (SELECT lpad(number::text, 32, '0')::uuid AS id, now() + make_interval(days => :days) AS at
      FROM generate_series(1, :rows) AS number) AS made
"""
FILL_MESSAGES = """
INSERT INTO messages (id, template, locale, topic, created_at)
SELECT id, 'message', 'en', 'general', created_at FROM deliveries
"""
EMPTY_AND_BARE = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL maintenance_work_mem = '256MB'",
    "TRUNCATE messages CASCADE",
    "ALTER TABLE messages DROP CONSTRAINT pk_messages CASCADE",
    "ALTER TABLE deliveries DROP CONSTRAINT pk_deliveries CASCADE",
    "ALTER TABLE messages SET UNLOGGED",
    "ALTER TABLE deliveries SET UNLOGGED",
)
KEYS_AND_STATISTICS = (
    "ALTER TABLE messages ADD PRIMARY KEY (id)",
    "ALTER TABLE deliveries ADD PRIMARY KEY (id)",
    "ANALYZE messages, deliveries",
)
INDEXES = text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('messages', 'deliveries')")


@contextmanager
def filled_for_now(rows: int, *, status: str, days: int) -> Iterator[None]:
    """``rows`` deliveries with all of their indexes and statistics, until the ``with`` ends.

    They are really there, but in a transaction that is taken back, without a log or foreign keys; and
    their indexes are made afterwards. So a million takes seconds. TRUNCATE gives the tables new files: the
    old ones do not grow.
    """
    for statement in EMPTY_AND_BARE:
        db.session.execute(text(statement))
    indexes = db.session.execute(INDEXES).all()
    for name, _definition in indexes:
        db.session.execute(text(f"DROP INDEX {name}"))
    db.session.execute(text(QUICK_FILL), {"rows": rows, "status": status, "days": days})
    db.session.execute(text(FILL_MESSAGES))
    for _name, definition in indexes:
        db.session.execute(text(definition))
    for statement in KEYS_AND_STATISTICS:
        db.session.execute(text(statement))
    try:
        yield
    finally:
        db.session.rollback()


def fill(app: Flask, rows: int, *, status: str = "scheduled", days: int = 30, lane: str = "normal") -> None:
    """Accept ``rows`` messages past all checks."""
    values = {"rows": rows, "status": status, "days": days, "lane": lane}
    with app.app_context():
        with transaction(db):
            db.session.execute(text("SET LOCAL statement_timeout = 0"))
            db.session.execute(text(FILL), values)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("VACUUM ANALYZE messages, deliveries"))


def plan(statement: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What PostgreSQL did for a statement, which is taken back."""
    explained = text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement.text}")
    explained = explained.bindparams(*statement._bindparams.values())
    with db.session.begin_nested() as tried:
        rows = db.session.execute(explained, values).scalar_one()
        tried.rollback()
    found: dict[str, Any] = rows[0]["Plan"]
    return found | {"Milliseconds": rows[0]["Planning Time"] + rows[0]["Execution Time"]}


def plans() -> dict[str, dict[str, Any]]:
    """The plans of what a relay and a slot do over and over again."""
    return {
        "due": plan(queue._DUE, {"lanes": list(LANES)}),
        "lost": plan(attempts._LOST, {"at_most": 100}),
        "claim": plan(queue._CLAIM, {"lane": "normal", "at_most": 50, "lease_seconds": 30}),
    }


def nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan's steps."""
    return [node, *(inner for child in node.get("Plans", []) for inner in nodes(child))]


def rows_read(node: dict[str, Any]) -> int:
    """How many rows of tables a plan has touched, those that it passed over included."""
    tables = [step for step in nodes(node) if "Relation Name" in step]
    touched = [step["Actual Rows"] + step.get("Rows Removed by Filter", 0) for step in tables]
    return round(sum(rows * step["Actual Loops"] for rows, step in zip(touched, tables, strict=True)))


def scans(plans: Mapping[str, dict[str, Any]]) -> set[str]:
    """How plans go through tables."""
    return {step["Node Type"] for plan in plans.values() for step in nodes(plan) if "Relation Name" in step}


@dataclass(frozen=True)
class Cost:
    """What a step of the relay costs beside so many scheduled rows: its time, and the rows that it reads."""

    rows: int
    milliseconds: float
    read: dict[str, int]
    scans: set[str]
    milliseconds_inside_postgresql: dict[str, float]


def costs(app: Flask, *rows: int) -> list[Cost]:
    """The cost of a step with each number of rows, the fewest first."""
    found, done = [], 0
    for number in rows:
        fill(app, number - done)
        done = number
        found.append(_cost(app, number))
    return found


def _cost(app: Flask, rows: int) -> Cost:
    with app.app_context():
        found = plans()
    return Cost(
        rows=rows,
        milliseconds=round(_milliseconds(lambda: step(app)), 2),
        read={name: rows_read(plan) for name, plan in found.items()},
        scans=scans(found),
        milliseconds_inside_postgresql={name: round(plan["Milliseconds"], 2) for name, plan in found.items()},
    )


def _milliseconds(step: Callable[[], object]) -> float:
    """The median time of a step in the quietest of several turns: PostgreSQL may still write the rows."""
    return min(statistics.median(_seconds(step) for _ in range(50)) for _ in range(6)) * 1000


def _seconds(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def step(app: Flask) -> None:
    """What a relay does each time that it looks, in a context of its own as there."""
    with app.app_context():
        bells.end_lost()
        queue.due_seconds()

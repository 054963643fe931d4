"""Does each search read as little of a large table as of a small one?

    python -m tests.users.search_plans --rows 1000000

fills a PostgreSQL of its own, prints for each search the plan's nodes, the pages that it read and how long it
took at 10,000 rows and at so many, and fails where a search reads the table or too many pages.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event

from services.users.app import create_app
from services.users.models import db
from services.users.settings import UsersSettings
from services.users.store import search
from services.users.store.search import Filters
from shared.chassis.clock import utcnow
from shared.chassis.testing.clients import PostgresServer
from shared.chassis.testing.embedded import PostgresEngine
from shared.chassis.testing.tokens import SECRET

# A page has 50 profiles; each may lie on a page of its own, below three levels of an index.
MOST_PAGES = 1500
FEW_ROWS = 10_000

SEARCHES: dict[str, tuple[Filters, str]] = {
    "newest": (Filters(), "-created_at"),
    "oldest": (Filters(), "created_at"),
    "by name": (Filters(), "name"),
    "by name, backwards": (Filters(), "-name"),
    "by address": (Filters(), "email"),
    "one address": (Filters(email="rare.needle@example.org"), "-created_at"),
    "an address begins": (Filters(email_prefix="rare.n"), "-created_at"),
    "an address begins, by address": (Filters(email_prefix="user1"), "email"),
    "a rare name": (Filters(q="Zyxwvutsrq"), "-created_at"),
    "a rare name with a mistake": (Filters(q="Zyxwvutrsq", is_loose=True), "-created_at"),
    "part of a rare address": (Filters(q="needle@exa"), "-created_at"),
    "a common name": (Filters(q="Lovelace"), "-created_at"),
    "what is in every address": (Filters(q="example"), "-created_at"),
    "two letters": (Filters(q="Zy"), "-created_at"),
    "disabled": (Filters(is_active=False), "-created_at"),
    "administrators": (Filters(role="admin"), "-created_at"),
    "of a day": (Filters(created_after=utcnow(), created_before=utcnow()), "created_at"),
}

_FILL = """
INSERT INTO profiles (id, email, name, locale, is_active, roles, created_at, updated_at)
SELECT
    gen_random_uuid(),
    'user' || n || '.' || substr(md5('e' || n), 1, 6) || '@example' || n %% 50 || '.org',
    initcap((ARRAY['ada','grace','alan','edsger','barbara','donald','margaret','dennis'])[1 + n %% 8]) || ' '
        || CASE WHEN n %% 200 = 0 THEN 'Lovelace' ELSE initcap(substr(md5('n' || n), 1, 8)) END,
    'en', n %% 5000 <> 7, CASE WHEN n %% 20000 = 9 THEN '["admin"]'::jsonb ELSE '[]' END,
    now() - (n || ' minutes')::interval, now()
FROM generate_series(%(first)s::int, %(last)s::int) AS n
"""
_NEEDLE = """
INSERT INTO profiles (id, email, name, locale, created_at, updated_at)
VALUES
    (gen_random_uuid(), 'rare.needle@example.org', 'Zyxwvutsrq Needle', 'en', now() - '9d'::interval, now())
"""


@contextmanager
def database() -> Iterator[str]:
    """The URL of a database on a PostgreSQL out of the wheel, which has pg_trgm whatever others have."""
    engine = PostgresEngine()
    try:
        engine.start()
        yield PostgresServer(engine.address).create_database("users")
    finally:
        engine.close()


def new_app(url: str) -> Flask:
    """users on that database, migrated."""
    app = create_app(
        UsersSettings(
            jwt_secret_key=SECRET,
            redis_url="redis://127.0.0.1:1/0",
            public_url="http://127.0.0.1:8080",
            database_url=url,
        )
    )
    with app.app_context():
        upgrade()
    return app


def fill(first: int, last: int) -> None:
    """Add that many profiles, and let the planner know."""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(_FILL, {"first": first, "last": last})
        if first == 1:
            connection.exec_driver_sql(_NEEDLE)
        connection.exec_driver_sql("VACUUM (ANALYZE) profiles")


def find(name: str) -> list[search.Hit]:
    """Do a search."""
    filters, sort = SEARCHES[name]
    return search.find_page(filters, sort=sort, after=None, limit=51)


def next_page(name: str) -> list[search.Hit]:
    """Do it for the page after the first."""
    filters, sort = SEARCHES[name]
    last = find(name)[-1]
    return search.find_page(filters, sort=sort, after=(last.key, last.profile.id), limit=51)


def plan_of(name: str, do: Callable[[str], Any] = find) -> dict[str, Any]:
    """What PostgreSQL did for the search."""
    asked: list[tuple[str, Any]] = []
    listener = lambda _c, _cursor, statement, parameters, *_rest: asked.append((statement, parameters))  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    do(name)
    event.remove(db.engine, "before_cursor_execute", listener)
    statement, parameters = asked[-1]
    explained = db.session.connection().exec_driver_sql(
        f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters
    )
    plan: dict[str, Any] = explained.scalar_one()[0]["Plan"]
    db.session.rollback()
    return plan


def nodes(plan: dict[str, Any]) -> list[str]:
    """The kinds of the plan's nodes, from the top."""
    inner = [name for child in plan.get("Plans", []) for name in nodes(child)]
    return [plan["Node Type"], *inner]


def pages(plan: dict[str, Any]) -> int:
    """How many pages were read, from memory or not."""
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def faults(plan: dict[str, Any]) -> list[str]:
    """What is wrong with a plan."""
    found = [f"reads {pages(plan)} pages"] if pages(plan) > MOST_PAGES else []
    return [*found, *("reads the table" for node in nodes(plan) if node == "Seq Scan")]


def seconds(name: str) -> float:
    """How long the search takes, of several tries the middle one."""
    times = []
    for _ in range(15):
        begin = time.perf_counter()
        find(name)
        times.append(time.perf_counter() - begin)
        db.session.rollback()
    return statistics.median(times)


def main() -> int:
    """Print a line a search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    is_well = True
    with database() as url, new_app(url).app_context():
        fill(1, FEW_ROWS)
        few = {name: seconds(name) for name in SEARCHES}
        fill(FEW_ROWS + 1, rows)
        for name in SEARCHES:
            plan, many = plan_of(name), seconds(name)
            wrong = faults(plan)
            is_well = is_well and not wrong
            sys.stdout.write(
                f"{name:32} {few[name] * 1000:7.2f} ms {many * 1000:7.2f} ms  x{many / few[name]:5.2f} "
                f"{pages(plan):6} pages  {' < '.join(nodes(plan))}  {', '.join(wrong)}\n"
            )
        db.session.remove()
        db.engine.dispose()
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())

"""What every service's ``migrations/env.py`` does: Alembic over the service's own database.

Concurrent runs wait for each other on an advisory lock, so that every replica may try.
"""

from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import text

from shared.chassis.database import UtcDateTime

LOCK = 7_203_118  # any fixed number: advisory locks are per database


def run() -> None:
    """Run the migrations that Alembic asks for, on line."""
    db = current_app.extensions["migrate"].db
    with db.engine.connect() as connection:
        connection.execute(text(f"SELECT pg_advisory_lock({LOCK})"))
        connection.execute(text("SET lock_timeout = '30s'; SET statement_timeout = '10min'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            compare_type=True,
            compare_server_default=True,
            render_item=_render_item,
        )
        with context.begin_transaction():
            context.run_migrations()


def _render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration is history: it names SQL's types and imports nothing of ours."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False

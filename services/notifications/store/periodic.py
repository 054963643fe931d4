"""The table of periodic work. Stores never commit: the use case owns the transaction."""

from sqlalchemy import text

from services.notifications.models import db

_TAKE = text("""
INSERT INTO periodic_work AS work (name, next_run_at, last_run_at)
VALUES (:name, now() + make_interval(secs => :seconds), now())
ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at, last_run_at = now()
WHERE work.next_run_at <= now()
RETURNING name
""")
_KEEP = text("""
UPDATE periodic_work SET next_run_at = now() + make_interval(secs => :seconds) WHERE name = :name
""")


def take(name: str, seconds: float) -> bool:
    """Whether the work is due; it is due again after ``seconds``."""
    return db.session.scalar(_TAKE, {"name": name, "seconds": seconds}) is not None


def keep(name: str, seconds: float) -> None:
    """Put off when the work is due again."""
    db.session.execute(_KEEP, {"name": name, "seconds": seconds})

"""What the metrics say of an outbox: how many messages wait, since when, and how many are dead."""

from typing import Any

from flask_sqlalchemy import SQLAlchemy
from prometheus_client import Gauge
from sqlalchemy import func, select

from shared.chassis.clock import utcnow

WAITING = Gauge(
    "doorward_outbox_waiting",
    "Messages that their subscriber has not acknowledged yet.",
    ["service"],
    multiprocess_mode="mostrecent",
)
OLDEST = Gauge(
    "doorward_outbox_oldest_seconds",
    "How long the oldest of them has been waiting.",
    ["service"],
    multiprocess_mode="mostrecent",
)
DEAD = Gauge(
    "doorward_outbox_dead",
    "Messages that their subscriber refused for too long; `doorward outbox` shows them.",
    ["service"],
    multiprocess_mode="mostrecent",
)


def measure(db: SQLAlchemy, model: Any, service: str) -> None:
    """Set the gauges of ``service`` to what its outbox table says now."""
    is_alive = model.died_at.is_(None)
    waiting, oldest, dead = db.session.execute(
        select(
            func.count().filter(is_alive),
            func.min(model.created_at).filter(is_alive),
            func.count().filter(~is_alive),
        )
    ).one()
    db.session.rollback()
    WAITING.labels(service).set(waiting)
    OLDEST.labels(service).set((utcnow() - oldest).total_seconds() if oldest else 0.0)
    DEAD.labels(service).set(dead)

"""Counts of deliveries for whoever operates notifications. Stores never commit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT

from services.notifications.lanes import LANES
from services.notifications.models import db

_LANES = text("""
SELECT wanted.name AS lane, count(*) FILTER (WHERE d.id IS NOT NULL AND d.status <> 'sending') AS due,
       count(*) FILTER (WHERE d.status = 'sending') AS sending,
       coalesce(extract(epoch FROM max(now() - d.next_attempt_at)
                FILTER (WHERE d.status <> 'sending')), 0) AS oldest_seconds
FROM unnest(:lanes) AS wanted(name) LEFT JOIN deliveries d
    ON d.lane = wanted.name AND d.next_attempt_at <= now()
    AND d.status IN ('queued', 'scheduled', 'retrying', 'sending')
GROUP BY wanted.name
""").bindparams(bindparam("lanes", type_=ARRAY(TEXT)))
_EXPIRED = text("SELECT count(*) FROM deliveries WHERE status = 'sending' AND lease_until <= now()")
_LATER = text("""
SELECT count(*) FROM deliveries
WHERE status IN ('queued', 'scheduled', 'retrying') AND next_attempt_at > now()
""")
_COUNT = text("SELECT count(*) FROM deliveries WHERE status = :status")


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits in a lane, and for how long what waits longest has been due."""

    lane: str
    due: int
    sending: int
    oldest_seconds: float


def lanes() -> Sequence[Lane]:
    """Every lane, in the order of their urgency."""
    rows: Iterable[Sequence[Any]] = db.session.execute(_LANES, {"lanes": list(LANES)})
    return sorted((Lane(*row) for row in rows), key=lambda lane: LANES.index(lane.lane))


def expired_leases() -> int:
    """How many attempts hold a lease that has run out: their workers are gone."""
    return int(db.session.scalar(_EXPIRED) or 0)


def count_later() -> int:
    """How many deliveries are scheduled, or retried, for a time that is still to come."""
    return int(db.session.scalar(_LATER) or 0)


def count_of(status: str) -> int:
    """How many deliveries stand there."""
    return int(db.session.scalar(_COUNT, {"status": status}) or 0)

"""What waits in the lanes: found due, claimed under a lease, or given back; all by PostgreSQL's clock.

Each statement here stands alone and is confirmed when it returns, also where the caller has a transaction
open. They are written out in SQL and go past the session, since they run many times a second.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from services.notifications.lanes import LANES
from services.notifications.store import statements

CHANNEL = "doorward_deliveries"  # what wakes the relays


@dataclass(frozen=True, slots=True)
class Claim:
    """An attempt that is ours until its lease is over, and all that it needs."""

    delivery_id: UUID
    message_id: UUID
    number: int
    retry_count: int
    lane: str
    address: str
    header_message_id: str
    template: str
    template_version: int
    locale: str
    sealed_variables: str | None
    trace: dict[str, str] | None
    expires_at: datetime | None
    due_at: datetime
    claimed_at: datetime  # by PostgreSQL's clock

    @property
    def domain(self) -> str:
        """The recipient's domain."""
        return self.address.rpartition("@")[2].lower()


_CLAIM = text("""
WITH due AS (
    SELECT id FROM deliveries
    WHERE lane = :lane AND status IN ('queued', 'scheduled', 'retrying') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT :at_most FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE deliveries d
    SET status = 'sending', attempt_count = attempt_count + 1, retry_count = retry_count + 1, phase = NULL,
        server = NULL, lease_until = now() + make_interval(secs => :lease_seconds), updated_at = now()
    FROM due WHERE d.id = due.id RETURNING d.*
)
SELECT c.id AS delivery_id, m.id AS message_id, c.attempt_count AS number, c.retry_count, c.lane, c.address,
       c.header_message_id, m.template, m.template_version, m.locale, m.sealed_variables, m.trace,
       m.expires_at, c.due_at, c.updated_at AS claimed_at
FROM claimed c JOIN messages m ON m.id = c.message_id ORDER BY c.next_attempt_at
""")

_RELEASE = text("""
UPDATE deliveries d
SET status = CASE WHEN retry_count > 1 THEN 'retrying' ELSE 'queued' END, attempt_count = attempt_count - 1,
    retry_count = retry_count - 1, lease_until = NULL, updated_at = now()
FROM unnest(:ids, CAST(:numbers AS integer[])) AS ours(id, number)
WHERE d.id = ours.id AND d.attempt_count = ours.number AND d.status = 'sending' AND d.phase IS NULL
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID)))

_PUT_OFF = text("""
UPDATE deliveries d
SET status = CASE WHEN retry_count > 1 THEN 'retrying' ELSE 'queued' END, attempt_count = attempt_count - 1,
    retry_count = retry_count - 1, lease_until = NULL, updated_at = now(),
    next_attempt_at = now() + make_interval(secs => ours.seconds)
FROM unnest(:ids, CAST(:numbers AS integer[]), CAST(:seconds AS float[])) AS ours(id, number, seconds)
WHERE d.id = ours.id AND d.attempt_count = ours.number AND d.status = 'sending' AND d.phase IS NULL
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID)))

_DUE = text("""
SELECT wanted.name, extract(epoch FROM now() - due.next_attempt_at) AS seconds
FROM unnest(:lanes) AS wanted(name) CROSS JOIN LATERAL (
    SELECT next_attempt_at FROM deliveries
    WHERE lane = wanted.name AND status IN ('queued', 'scheduled', 'retrying') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT 1
) AS due
""").bindparams(bindparam("lanes", type_=ARRAY(TEXT)))

_WAKE = text(f"NOTIFY {CHANNEL}")


def claim(lane: str, *, at_most: int, lease_seconds: float) -> Sequence[Claim]:
    """Make the next attempts at what is due in ``lane`` ours, those that wait longest first."""
    values = {"lane": lane, "at_most": at_most, "lease_seconds": lease_seconds}
    rows: Iterable[Sequence[Any]] = statements.execute(_CLAIM, values)
    return [Claim(*row) for row in rows]


def release(claims: Sequence[Claim]) -> None:
    """Give up attempts that were not begun, as if they had not been claimed."""
    ids, numbers = [claim.delivery_id for claim in claims], [claim.number for claim in claims]
    statements.execute(_RELEASE, {"ids": ids, "numbers": numbers})


def put_off(claims: Sequence[Claim], seconds: Sequence[float]) -> None:
    """Give up attempts that were not begun, until so many seconds are over for each."""
    ids, numbers = [claim.delivery_id for claim in claims], [claim.number for claim in claims]
    statements.execute(_PUT_OFF, {"ids": ids, "numbers": numbers, "seconds": list(seconds)})


def due_seconds() -> dict[str, float]:
    """For each lane in which something is due: how long what waits longest has been waiting."""
    rows = statements.execute(_DUE, {"lanes": list(LANES)})
    return {row.name: float(row.seconds) for row in rows}


def wake_relays() -> None:
    """Have every worker's relay look at once: one with a free slot rings for what is due."""
    statements.execute(_WAKE, {})

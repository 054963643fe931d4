"""Attempts at deliveries: claimed by a lease, fenced by their number, all by PostgreSQL's clock.

Stores never commit: the use case owns the transaction. The statements are written out in SQL and go past the
session's unit of work, since they run once a mail or more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from services.notifications.lanes import LANES
from services.notifications.models import db

LONGEST_DETAIL = 500


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


@dataclass(frozen=True, slots=True)
class Ending:
    """What an attempt came to, as it is stored; ``wait_seconds`` is None where the delivery has ended."""

    status: str
    outcome: str
    reason: str | None
    detail: str | None
    phase: str | None
    server: str | None
    wait_seconds: float | None
    is_content_erased: bool


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

_NOTE = text("""
UPDATE deliveries
SET phase = 'handed_over', server = :server, lease_until = now() + make_interval(secs => :lease_seconds)
WHERE id = :delivery_id AND attempt_count = :number AND status = 'sending' AND lease_until > now()
""")

# A lost attempt whose worker turns out to know the outcome may still say so.
_FINISH = text("""
WITH ended AS (
    UPDATE deliveries
    SET status = :status, reason = :reason, lease_until = NULL, phase = NULL, updated_at = now(),
        next_attempt_at = CASE WHEN CAST(:wait_seconds AS float) IS NULL THEN next_attempt_at
                               ELSE now() + make_interval(secs => :wait_seconds) END,
        has_content = has_content AND NOT :is_content_erased
    WHERE id = :delivery_id AND attempt_count = :number
        AND (status = 'sending' OR (status IN ('outcome_unknown', 'retrying') AND reason = 'worker_lost'))
    RETURNING id, message_id
), erased AS (
    UPDATE messages SET sealed_variables = NULL
    WHERE :is_content_erased AND id = (SELECT message_id FROM ended)
)
INSERT INTO attempts (delivery_id, number, server, phase, outcome, reason, detail, started_at, ended_at)
SELECT id, :number, :server, :phase, :outcome, :reason, :detail, :started_at, now() FROM ended
ON CONFLICT (delivery_id, number) DO UPDATE SET server = excluded.server, phase = excluded.phase,
    outcome = excluded.outcome, reason = excluded.reason, detail = excluded.detail,
    ended_at = excluded.ended_at
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

_LOST = text("""
SELECT d.id AS delivery_id, d.message_id, d.attempt_count AS number, d.retry_count, d.lane, d.address,
       d.header_message_id, m.template, m.template_version, m.locale, NULL AS sealed_variables, m.trace,
       m.expires_at, d.due_at, d.updated_at AS claimed_at, d.phase, d.server, now() AS now
FROM deliveries d JOIN messages m ON m.id = d.message_id
WHERE d.status = 'sending' AND d.lease_until <= now()
ORDER BY d.lease_until LIMIT :at_most
""")

_DUE = text("""
SELECT wanted.name, extract(epoch FROM now() - due.next_attempt_at) AS seconds
FROM unnest(:lanes) AS wanted(name) CROSS JOIN LATERAL (
    SELECT next_attempt_at FROM deliveries
    WHERE lane = wanted.name AND status IN ('queued', 'scheduled', 'retrying') AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT 1
) AS due
""").bindparams(bindparam("lanes", type_=ARRAY(TEXT)))


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt whose worker is gone: its lease has run out."""

    claim: Claim
    phase: str | None
    server: str | None
    now: datetime


def claim(lane: str, *, at_most: int, lease_seconds: float) -> Sequence[Claim]:
    """Make the next attempts at what is due in ``lane`` ours, those that wait longest first."""
    values = {"lane": lane, "at_most": at_most, "lease_seconds": lease_seconds}
    return [Claim(*tuple[Any, ...](row)) for row in db.session.execute(_CLAIM, values)]


def note_handover(claim: Claim, *, server: str, lease_seconds: float) -> bool:
    """Note that from now on the mail server alone knows the outcome; False where the attempt is not ours."""
    key = {"delivery_id": claim.delivery_id, "number": claim.number}
    done = db.session.execute(_NOTE, {**key, "server": server, "lease_seconds": lease_seconds})
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def finish(claim: Claim, ending: Ending) -> bool:
    """Write the end of an attempt; False where it is not ours any more."""
    values = {field.name: getattr(ending, field.name) for field in fields(ending)}
    values["detail"] = short(ending.detail) if ending.detail else None
    key = {"delivery_id": claim.delivery_id, "number": claim.number, "started_at": claim.claimed_at}
    return bool(db.session.execute(_FINISH, {**values, **key}).rowcount == 1)  # type: ignore[attr-defined]


def short(detail: str) -> str:
    """``detail`` as the table takes it."""
    return detail.replace("\x00", "")[:LONGEST_DETAIL]


def release(claims: Sequence[Claim]) -> None:
    """Give up attempts that were not begun, as if they had not been claimed."""
    ids, numbers = [claim.delivery_id for claim in claims], [claim.number for claim in claims]
    db.session.execute(_RELEASE, {"ids": ids, "numbers": numbers})


def put_off(claims: Sequence[Claim], seconds: Sequence[float]) -> None:
    """Give up attempts that were not begun, until so many seconds are over for each."""
    ids, numbers = [claim.delivery_id for claim in claims], [claim.number for claim in claims]
    db.session.execute(_PUT_OFF, {"ids": ids, "numbers": numbers, "seconds": list(seconds)})


def lost(*, at_most: int) -> Sequence[Lost]:
    """The attempts whose lease has run out; whoever ends one does so through its fence."""
    rows = [tuple[Any, ...](row) for row in db.session.execute(_LOST, {"at_most": at_most})]
    return [Lost(Claim(*row[:-3]), *row[-3:]) for row in rows]


def due_seconds() -> dict[str, float]:
    """For each lane in which something is due: how long what waits longest has been waiting."""
    rows = db.session.execute(_DUE, {"lanes": list(LANES)})
    return {lane: float(seconds) for lane, seconds in rows}


def sent_today(server: str) -> int:
    """How many messages ``server`` has taken, or may have taken, within a day."""
    query = text("""
        SELECT count(*) FROM attempts
        WHERE server = :server AND ended_at > now() - interval '1 day'
            AND outcome IN ('sent', 'outcome_unknown')
    """)
    count = int(db.session.scalar(query, {"server": server}) or 0)
    db.session.rollback()
    return count

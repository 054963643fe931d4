"""Attempts at deliveries, fenced by their number: noted before they are handed over, and ended.

Each statement here stands alone and is confirmed when it returns, also where the caller has a transaction
open: what was noted must be so whatever becomes of the caller. They are written out in SQL and go past the
session, since they run once a mail or more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.notifications.store import statements
from services.notifications.store.queue import Claim

LONGEST_DETAIL = 500


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


_NOTE = """
UPDATE deliveries
SET phase = 'handed_over', server = %(server)s, lease_until = now() + make_interval(secs => %(lease_seconds)s)
WHERE id = %(delivery_id)s AND attempt_count = %(number)s AND status = 'sending' AND lease_until > now()
"""

# A lost attempt whose worker turns out to know the outcome may still say so.
_FINISH = """
WITH ended AS (
    UPDATE deliveries
    SET status = %(status)s, reason = %(reason)s, lease_until = NULL, phase = NULL, updated_at = now(),
        next_attempt_at = CASE WHEN CAST(%(wait_seconds)s AS float) IS NULL THEN next_attempt_at
                               ELSE now() + make_interval(secs => %(wait_seconds)s) END,
        has_content = has_content AND NOT %(is_content_erased)s
    WHERE id = %(delivery_id)s AND attempt_count = %(number)s
        AND (status = 'sending' OR (status IN ('outcome_unknown', 'retrying') AND reason = 'worker_lost'))
    RETURNING id, message_id
), erased AS (
    UPDATE messages SET sealed_variables = NULL
    WHERE %(is_content_erased)s AND id = (SELECT message_id FROM ended)
)
INSERT INTO attempts (delivery_id, number, server, phase, outcome, reason, detail, started_at, ended_at)
SELECT id, %(number)s, %(server)s, %(phase)s, %(outcome)s, %(reason)s, %(detail)s, %(started_at)s, now()
FROM ended
ON CONFLICT (delivery_id, number) DO UPDATE SET server = excluded.server, phase = excluded.phase,
    outcome = excluded.outcome, reason = excluded.reason, detail = excluded.detail,
    ended_at = excluded.ended_at
"""

_LOST = text("""
SELECT d.id AS delivery_id, d.message_id, d.attempt_count AS number, d.retry_count, d.lane, d.address,
       d.header_message_id, m.template, m.template_version, m.locale, NULL AS sealed_variables, m.trace,
       m.expires_at, d.due_at, d.updated_at AS claimed_at, d.phase, d.server, now() AS now
FROM deliveries d JOIN messages m ON m.id = d.message_id
WHERE d.status = 'sending' AND d.lease_until <= now()
ORDER BY d.lease_until LIMIT :at_most
""")


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt whose worker is gone: its lease has run out."""

    claim: Claim
    phase: str | None
    server: str | None
    now: datetime


def note_handover(claim: Claim, *, server: str, lease_seconds: float) -> bool:
    """Note that from now on the mail server alone knows the outcome; False where the attempt is not ours."""
    key = {"delivery_id": claim.delivery_id, "number": claim.number}
    values = {**key, "server": server, "lease_seconds": lease_seconds}
    return statements.count_changed(_NOTE, values) == 1


def finish(claim: Claim, ending: Ending) -> bool:
    """Write the end of an attempt; False where it is not ours any more."""
    values = {field.name: getattr(ending, field.name) for field in fields(ending)}
    values["detail"] = short(ending.detail) if ending.detail else None
    key = {"delivery_id": claim.delivery_id, "number": claim.number, "started_at": claim.claimed_at}
    return statements.count_changed(_FINISH, {**values, **key}) == 1


def short(detail: str) -> str:
    """``detail`` as it is stored: one line, with nothing in it that a terminal would obey."""
    visible = "".join(mark if mark.isprintable() else " " for mark in detail[: 2 * LONGEST_DETAIL])
    return " ".join(visible.split())[:LONGEST_DETAIL]


def lost(*, at_most: int) -> Sequence[Lost]:
    """The attempts whose lease has run out; whoever ends one does so through its fence."""
    rows: Iterable[Sequence[Any]] = statements.execute(_LOST, {"at_most": at_most})
    return [Lost(Claim(*row[:-3]), *row[-3:]) for row in rows]


def unknown_count(claim: Claim) -> int:
    """How many attempts before this one ended unknown, since the message was accepted or resent."""
    query = text("""
        SELECT count(*) FROM attempts
        WHERE delivery_id = :delivery_id AND number > :number - :retry_count AND number < :number
            AND outcome = 'outcome_unknown'
    """)
    values = {name: getattr(claim, name) for name in ("delivery_id", "number", "retry_count")}
    return int(statements.execute(query, values).scalar_one())


def sent_today(server: str) -> int:
    """How many messages ``server`` has taken, or may have taken, within a day."""
    query = text("""
        SELECT count(*) FROM attempts
        WHERE server = :server AND ended_at > now() - interval '1 day'
            AND outcome IN ('sent', 'outcome_unknown')
    """)
    return int(statements.execute(query, {"server": server}).scalar_one())

"""What an address was sent lately. Stores never commit: the use case owns the transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, bindparam, text

from services.notifications.models import db
from shared.chassis.clock import utcnow

_DAY_MILLISECONDS = 86_400_000
# Ids hold the time of hosts, whose clocks may differ a little.
_SLACK_MILLISECONDS = 600_000

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:address_key, 3))")
_LATELY = text("""
SELECT count(*) FILTER (WHERE d.created_at > now() - interval '1 hour') AS in_hour, count(*) AS in_day,
       coalesce(bool_or(
           m.content_hash = :content_hash AND d.created_at > now() - make_interval(secs => :window_seconds)
       ), false) AS is_repeated
FROM deliveries d JOIN messages m ON m.id = d.message_id
WHERE d.address_key = :address_key AND d.message_id > :since AND d.created_at > now() - interval '1 day'
    AND (d.lane = 'urgent') = :is_urgent AND d.status NOT IN ('suppressed', 'cancelled')
""")

# With what was sent again, whenever it was accepted: each time counts.
_LATELY_WITH_RESENT = text("""
SELECT count(*) FILTER (WHERE sent.at > now() - interval '1 hour') AS in_hour, count(*) AS in_day
FROM deliveries d CROSS JOIN LATERAL (
    SELECT d.created_at AS at WHERE d.status NOT IN ('suppressed', 'cancelled')
    UNION ALL
    SELECT CAST(action ->> 'occurred_at' AS timestamptz) FROM jsonb_array_elements(d.actions) AS action
    WHERE action ->> 'name' = 'resent'
) AS sent
WHERE d.address_key = :address_key AND (d.lane = 'urgent') = :is_urgent AND sent.at > now() - interval '1 day'
""")

_AROUND = text("""
SELECT count(*) FILTER (
           WHERE due_at > :moment - interval '30 minutes' AND due_at < :moment + interval '30 minutes'
       ), count(*)
FROM deliveries
WHERE address_key = :address_key AND status = 'scheduled' AND (lane = 'urgent') = :is_urgent
    AND due_at > :moment - interval '12 hours' AND due_at < :moment + interval '12 hours'
""").bindparams(bindparam("moment", type_=DateTime(timezone=True)))


@dataclass(frozen=True, slots=True)
class Lately:
    """What an address is sent within an hour and a day, and whether this very content is part of it."""

    in_hour: int
    in_day: int
    is_repeated: bool = False


def lately(address_key: str, *, is_urgent: bool, content_hash: str, window_seconds: float) -> Lately:
    """What the address was sent; nobody else adds to it before the transaction ends."""
    db.session.execute(_LOCK, {"address_key": address_key})
    milliseconds = int(utcnow().timestamp() * 1000) - _DAY_MILLISECONDS - _SLACK_MILLISECONDS
    values = {
        "address_key": address_key,
        "since": UUID(int=milliseconds << 80),
        "is_urgent": is_urgent,
        "content_hash": content_hash,
        "window_seconds": window_seconds,
    }
    row = db.session.execute(_LATELY, values).one()
    return Lately(row.in_hour, row.in_day, row.is_repeated)


def lately_with_resent(address_key: str, *, is_urgent: bool) -> Lately:
    """What the address was sent and sent again; nobody else adds to it before the transaction ends."""
    db.session.execute(_LOCK, {"address_key": address_key})
    values = {"address_key": address_key, "is_urgent": is_urgent}
    return Lately(*db.session.execute(_LATELY_WITH_RESENT, values).one())


def around(moment: datetime, address_key: str, *, is_urgent: bool) -> Lately:
    """What is scheduled for the address within the hour and the day around ``moment``; after ``lately``."""
    values = {"address_key": address_key, "is_urgent": is_urgent, "moment": moment}
    return Lately(*db.session.execute(_AROUND, values).one())

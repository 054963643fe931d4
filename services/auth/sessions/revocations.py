"""Revocation: which access tokens are dead before their time, told to the gateways within a second.

Whoever ends a session writes a row in the same transaction. A relay of the worker publishes new rows to
Redis (a set for gateways that start, a channel for those that run), and fills the set again after
Redis has lost it. Nobody looks a token up in the database.

Set ``doorward:revoked``: member ``session:<sid>`` or ``account:<id>:v<version>`` (tokens of a lower version),
score the unix second after which no such token can live. Channel ``doorward:revocations``:
``{"member": …, "expires_at": <unix seconds>, "id": …}``, or ``{"reload": true}`` after the set was
filled. Channel ``doorward:revocations:pulse``, with every step: ``{"newest": <id>, "is_stored": …}``, the id
of the newest revocation that was told, and whether the set has all of them. The set and the channel do not
depend on each other: a Redis whose memory is full takes no member, and still passes the news on.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from redis import Redis
from redis.exceptions import ResponseError
from sqlalchemy import insert, select, text, update

from services.auth.deps import deps
from services.auth.models import Revocation, db
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.contracts import tokens

CHANNEL = "doorward_revocations"  # PostgreSQL's NOTIFY, which wakes the relay
FILLED = f"{tokens.REVOCATION_SET}:filled"  # a key that goes with the set when Redis forgets
CLOCK_SKEW = timedelta(seconds=60)
BATCH = 500


def revoke_sessions(session_ids: Iterable[UUID], now: datetime) -> None:
    """Refuse the access tokens of these sessions, once the caller's transaction commits."""
    _revoke([f"session:{session_id}" for session_id in session_ids], now)


def revoke_account(account_id: UUID, now: datetime, *, below_version: int) -> None:
    """Refuse every access token of the account with a lower version, once the caller's transaction commits.

    A version says exactly what a time cannot: which tokens were made of the account as it was before.
    """
    # Gateways of the release before know times only. The zero tells those of this one to pass it over.
    for_the_release_before = f"account:{account_id}:0{int(now.timestamp()) + 1}"
    _revoke([f"account:{account_id}:v{below_version}", for_the_release_before], now)


def _revoke(members: Sequence[str], now: datetime) -> None:
    if not members:
        return
    longest = timedelta(seconds=deps().settings.access_token_seconds)
    expires_at = now + longest + CLOCK_SKEW
    rows = [{"member": member, "expires_at": expires_at} for member in members]
    db.session.execute(insert(Revocation), rows)
    db.session.execute(text(f"NOTIFY {CHANNEL}"))


def publish(redis: Redis) -> int:
    """One step of the relay: tell what is new; how much it was. Raises RedisError while Redis is away.

    What Redis refuses to store is told again with every step, until it is stored.
    """
    refusals: list[ResponseError] = []
    _attempt(refusals, lambda: _fill_if_lost(redis))
    last, count = 0, 0
    while rows := _publish_batch(redis, last, refusals):
        last, count = rows[-1].id, count + len(rows)
    _pulse(redis, is_stored=not refusals)
    if refusals:
        raise refusals[0]
    return count


def _publish_batch(redis: Redis, last: int, refusals: list[ResponseError]) -> Sequence[Any]:
    with transaction(db) as session:
        rows = session.execute(
            select(Revocation.id, Revocation.member, Revocation.expires_at)
            .where(Revocation.published_at.is_(None), Revocation.id > last)
            .order_by(Revocation.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        if rows:
            before = len(refusals)
            _attempt(refusals, lambda: _tell(redis, rows))
            _attempt(refusals, lambda: _store(redis, rows))
            if len(refusals) == before:
                published = update(Revocation).where(Revocation.id.in_([row.id for row in rows]))
                session.execute(published.values(published_at=utcnow()))
    return rows


def _attempt(refusals: list[ResponseError], action: Callable[[], None]) -> None:
    """Do it, or note that Redis refused: out of memory, read-only, not allowed."""
    try:
        action()
    except ResponseError as error:
        refusals.append(error)


def _tell(redis: Redis, rows: Sequence[Any]) -> None:
    pipeline = redis.pipeline(transaction=False)
    for row in rows:
        news = {"member": row.member, "expires_at": int(row.expires_at.timestamp()), "id": row.id}
        pipeline.publish(tokens.REVOCATION_CHANNEL, orjson.dumps(news))
    pipeline.execute()


def _store(redis: Redis, rows: Sequence[Any]) -> None:
    redis.zremrangebyscore(tokens.REVOCATION_SET, "-inf", int(utcnow().timestamp()))
    redis.zadd(tokens.REVOCATION_SET, {row.member: int(row.expires_at.timestamp()) for row in rows})


def _pulse(redis: Redis, *, is_stored: bool) -> None:
    with transaction(db) as session:
        is_published = Revocation.published_at.is_not(None)
        newest = session.scalar(
            select(Revocation.id).where(is_published).order_by(Revocation.id.desc()).limit(1)
        )
    pulse = {"newest": newest or 0, "is_stored": is_stored}
    redis.publish(tokens.REVOCATION_PULSE_CHANNEL, orjson.dumps(pulse))


def _fill_if_lost(redis: Redis) -> None:
    """After a flush or a restart without its file, put every living row back."""
    if redis.exists(FILLED):
        return
    now = utcnow()
    with transaction(db) as session:
        living = select(Revocation.member, Revocation.expires_at).where(Revocation.expires_at > now)
        scores = {row.member: int(row.expires_at.timestamp()) for row in session.execute(living)}
    pipeline = redis.pipeline(transaction=True)
    if scores:
        pipeline.zadd(tokens.REVOCATION_SET, scores)
    pipeline.set(FILLED, int(now.timestamp()))
    pipeline.publish(tokens.REVOCATION_CHANNEL, orjson.dumps({"reload": True}))
    pipeline.execute()

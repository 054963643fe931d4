"""The transactional outbox: a message is a row in the transaction of what it tells of.

One row per message and subscriber. A worker of the service claims due rows, publishes them, and a row
goes only when its subscriber has acknowledged the message; until then it is published again and again,
at growing intervals. So neither a lost broker nor a killed process loses a message; that a message
may arrive twice is the inbox's business. The body is sealed for its subscriber before it is stored.
What becomes of a message that its subscriber refuses for days is in ``dead_messages.py``; what keeps some of
them in order is in ``outbox_order.py``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import orjson
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    Identity,
    Index,
    and_,
    case,
    delete,
    func,
    null,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from shared.chassis import metrics, outbox_metrics, outbox_order, tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.sealing import Sealer, message_purpose
from shared.chassis.settings import ServiceSettings
from shared.contracts import queues
from shared.contracts.messages import Message

CHANNEL = "doorward_outbox"
BATCH = 100
LONGEST_INTERVAL_SECONDS = 300
# Enough to reach the longest interval from a tenth of a second; more would leave the range of numbers.
MOST_DOUBLINGS = 12
_EXTENSION = "doorward_outbox"


class OutboxMixin:
    """The columns of a service's outbox table."""

    __tablename__ = "outbox"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    sealed: Mapped[str]
    trace: Mapped[dict[str, str]] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(default=0)
    available_at: Mapped[datetime]
    created_at: Mapped[datetime]
    refused_since: Mapped[datetime | None]  # taken by the subscriber and not acknowledged, ever since
    died_at: Mapped[datetime | None]  # not published any more
    order_key: Mapped[str | None]  # of what arrives in order: its subject
    position: Mapped[int] = mapped_column(BigInteger, Identity())

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:  # noqa: N805  (SQLAlchemy's form)
        """Dead rows are in no index that the relay reads."""
        is_alive = text("died_at IS NULL")
        return (
            Index("ix_outbox_alive_available_at", "available_at", postgresql_where=is_alive),
            Index(
                "ix_outbox_refused_since",
                "refused_since",
                postgresql_where=text("died_at IS NULL AND refused_since IS NOT NULL"),
            ),
            outbox_order.index(),
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker may publish now."""

    message_id: UUID
    subscriber: str
    name: str
    sealed: str
    trace: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Bound:
    """What one app gives its outbox."""

    sealers: Mapping[str, Sealer]  # by subscriber
    interval_seconds: float


class Outbox:
    """The outbox of one service."""

    def __init__(self, db: SQLAlchemy, model: type[OutboxMixin], *, service: str) -> None:
        self.db = db
        self.model = model
        self.service = service

    def init_app(self, app: Flask, settings: ServiceSettings) -> None:
        """Give ``app``'s outbox the secrets to seal with and its intervals, and measure what waits."""
        secrets = settings.accepted_secrets
        sealers = {name: Sealer(secrets, message_purpose(name)) for name in queues.SERVICES}
        app.extensions[_EXTENSION] = _Bound(sealers, settings.redelivery_seconds)
        metrics.before_scrape(app, partial(outbox_metrics.measure, self.db, self.model, self.service))

    def send(self, message: Message) -> UUID:
        """Write ``message`` into the caller's transaction, for each of its subscribers; its id."""
        return self.send_all([message])[0]

    def send_all(self, messages: Iterable[Message]) -> list[UUID]:
        """Write many messages into the caller's transaction, in one go; their ids."""
        contents = [(message, self._content_of(message)) for message in messages]
        for message, content in contents:
            for subscriber in queues.SUBSCRIBERS[type(message)]:
                self.db.session.add(self._row(subscriber, message, content))
        self._wake_relay()
        return [content["id"] for _, content in contents]

    def send_to(self, subscriber: str, messages: Iterable[Message]) -> None:
        """Write messages into the caller's transaction for one subscriber alone: the others know them."""
        for message in messages:
            self.db.session.add(self._row(subscriber, message, self._content_of(message)))
        self._wake_relay()

    def _wake_relay(self) -> None:
        """Delivered on commit; the relay of a worker polls as well."""
        self.db.session.execute(text(f"NOTIFY {CHANNEL}"))

    def _content_of(self, message: Message) -> dict[str, Any]:
        return {
            "id": new_id(),
            "name": message.name,
            "version": message.version,
            "source": self.service,
            "body": message.model_dump(mode="json"),
        }

    def _row(self, subscriber: str, message: Message, content: dict[str, Any]) -> OutboxMixin:
        now = utcnow()
        return self.model(  # type: ignore[call-arg]
            message_id=content["id"],
            subscriber=subscriber,
            name=content["name"],
            sealed=_bound().sealers[subscriber].seal(orjson.dumps(content)),
            trace=tracing.current_headers(),
            available_at=now,
            created_at=now,
            order_key=queues.order_key(message, subscriber),
        )

    def claim(self, now: datetime, *, unread: Collection[str] = ()) -> list[Claimed]:
        """Lease up to a batch of due rows: no other worker sees them before the interval is over.

        ``unread`` names the subscribers in whose queue messages still lie. What they have been sent is not
        sent to them again before they have read it, or the longest interval is over: so a subscriber that
        was away finds each message once, and a message that a killed worker took along is soon back.
        """
        while leased := self._lease(now, unread):
            if first := [claimed for claimed, is_first in leased if is_first]:
                return first
        return []

    def _lease(self, now: datetime, unread: Collection[str]) -> list[tuple[Claimed, bool]]:
        """Up to a batch of due rows, each with whether it may be published; the others wait for a while."""
        model, due = self.model, _due(self.model, now, unread).cte("due")
        interval = case((due.c.is_first, _interval(model)), else_=outbox_order.ASLEEP_SECONDS)
        lease = {
            "available_at": now + func.make_interval(0, 0, 0, 0, 0, 0, interval),
            "attempts": model.attempts + case((due.c.is_first, 1), else_=0),
            "refused_since": case(
                (due.c.is_first, _refused_since(model, now, unread)), else_=model.refused_since
            ),
        }
        shown = (model.message_id, model.subscriber, model.name, model.sealed, model.trace)
        is_meant = and_(model.message_id == due.c.message_id, model.subscriber == due.c.subscriber)
        with transaction(self.db) as session:
            leased = update(model).where(is_meant).values(lease).returning(*shown, due.c.is_first)
            rows = session.execute(leased).all()
        return [(Claimed(*row[:-1]), row[-1]) for row in rows]

    def release(self, unpublished: Sequence[Claimed], now: datetime) -> None:
        """Make rows that could not be published due again in a second, the attempt not counted."""
        model = self.model
        keys = [(claimed.message_id, claimed.subscriber) for claimed in unpublished]
        with transaction(self.db) as session:
            session.execute(
                update(model)
                .where(tuple_(model.message_id, model.subscriber).in_(keys))
                .values(available_at=now + timedelta(seconds=1), attempts=model.attempts - 1)
            )

    def acknowledge(self, message_id: UUID, subscriber: str) -> None:
        """Forget a message that its subscriber has handled; harmless when repeated. Its next one may go."""
        model = self.model
        handled = delete(model).where(model.message_id == message_id, model.subscriber == subscriber)
        with transaction(self.db) as session:
            order_key = session.scalar(handled.returning(model.order_key))
            if order_key is not None:
                session.execute(outbox_order.wake(model, subscriber, order_key, at=utcnow()))
                session.execute(text(f"NOTIFY {CHANNEL}"))


def _bound() -> _Bound:
    return cast("_Bound", current_app.extensions[_EXTENSION])


def _due(model: type[OutboxMixin], now: datetime, unread: Collection[str]) -> Any:
    """Up to a batch of due rows, locked: their keys, and whether they are first of their subject."""
    is_worth_it = or_(
        model.attempts == 0,
        model.subscriber.not_in(unread),
        model.available_at <= now - timedelta(seconds=LONGEST_INTERVAL_SECONDS),
    )
    is_first = outbox_order.is_first(model).label("is_first")
    return (
        select(model.message_id, model.subscriber, is_first)
        .where(model.died_at.is_(None), model.available_at <= now, is_worth_it)
        .order_by(model.available_at, model.position)
        .limit(BATCH)
        .with_for_update(of=model, skip_locked=True)
    )


def _interval(model: type[OutboxMixin]) -> Any:
    """The seconds until the next attempt; no number of attempts makes it an error."""
    doublings = func.power(2, func.least(model.attempts, MOST_DOUBLINGS))
    return func.least(_bound().interval_seconds * doublings, LONGEST_INTERVAL_SECONDS)


def _refused_since(model: type[OutboxMixin], now: datetime, unread: Collection[str]) -> Any:
    """A subscriber that reads its queue and acknowledges nothing refuses; one that is away does not."""
    is_first, is_away = model.attempts == 0, model.subscriber.in_(unread)
    return case((or_(is_first, is_away), null()), else_=func.coalesce(model.refused_since, now))

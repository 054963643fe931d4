"""The transactional outbox: a message is a row in the transaction of what it tells of.

One row per message and subscriber. A worker of the service claims due rows, publishes them, and a row
goes only when its subscriber has acknowledged the message; until then it is published again and again,
at growing intervals. So neither a lost broker nor a killed process loses a message; that a message
may arrive twice is the inbox's business. The body is sealed for its subscriber before it is stored.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import delete, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.chassis import tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.sealing import Sealer
from shared.contracts import queues
from shared.contracts.messages import Message

CHANNEL = "doorward_outbox"
BATCH = 100
LONGEST_INTERVAL_SECONDS = 300


class OutboxMixin:
    """The columns of a service's outbox table."""

    __tablename__ = "outbox"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    sealed: Mapped[str]
    trace: Mapped[dict[str, str]] = mapped_column(JSONB)
    attempts: Mapped[int] = mapped_column(default=0)
    available_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row that this worker may publish now."""

    message_id: UUID
    subscriber: str
    name: str
    sealed: str
    trace: dict[str, str]


def purpose(subscriber: str) -> str:
    """What a message's seal is for: one subscriber, so that it cannot be passed to another."""
    return f"message:{subscriber}"


class Outbox:
    """The outbox of one service."""

    def __init__(self, db: SQLAlchemy, model: type[OutboxMixin], *, service: str) -> None:
        self._db = db
        self._model = model
        self._service = service
        self._secrets: Sequence[str] = ()
        self._sealers: dict[str, Sealer] = {}
        self._interval_seconds = 10.0

    def init_app(self, *, secrets: Sequence[str], redelivery_seconds: float) -> None:
        """Give it the secrets to seal with and the first redelivery interval."""
        self._secrets = secrets
        self._sealers = {}
        self._interval_seconds = redelivery_seconds

    def send(self, message: Message) -> UUID:
        """Write ``message`` into the caller's transaction, for each of its subscribers; its id."""
        return self.send_all([message])[0]

    def send_all(self, messages: Iterable[Message]) -> list[UUID]:
        """Write many messages into the caller's transaction, in one go; their ids."""
        contents = [(type(message), self._content_of(message)) for message in messages]
        for kind, content in contents:
            for subscriber in queues.SUBSCRIBERS[kind]:
                self._db.session.add(self._row(subscriber, content))
        # Delivered on commit; wakes the relay of a worker, which polls as well.
        self._db.session.execute(text(f"NOTIFY {CHANNEL}"))
        return [content["id"] for _, content in contents]

    def _content_of(self, message: Message) -> dict[str, Any]:
        return {
            "id": new_id(),
            "name": message.name,
            "version": message.version,
            "source": self._service,
            "body": message.model_dump(mode="json"),
        }

    def _row(self, subscriber: str, content: dict[str, Any]) -> OutboxMixin:
        now = utcnow()
        return self._model(  # type: ignore[call-arg]
            message_id=content["id"],
            subscriber=subscriber,
            name=content["name"],
            sealed=self._sealer(subscriber).seal(orjson.dumps(content)),
            trace=tracing.current_headers(),
            available_at=now,
            created_at=now,
        )

    def _sealer(self, subscriber: str) -> Sealer:
        if subscriber not in self._sealers:
            self._sealers[subscriber] = Sealer(self._secrets, purpose(subscriber))
        return self._sealers[subscriber]

    def claim(self, now: datetime, *, unread: Collection[str] = ()) -> list[Claimed]:
        """Lease up to a batch of due rows: no other worker sees them before the interval is over.

        ``unread`` names the subscribers in whose queue messages still lie. What they have been sent is not
        sent to them again before they have read it, or the longest interval is over: so a subscriber that
        was away finds each message once, and a message that a killed worker took along is soon back.
        """
        model = self._model
        key = tuple_(model.message_id, model.subscriber)
        is_worth_it = or_(
            model.attempts == 0,
            model.subscriber.not_in(unread),
            model.available_at <= now - timedelta(seconds=LONGEST_INTERVAL_SECONDS),
        )
        due = (
            select(model.message_id, model.subscriber)
            .where(model.available_at <= now, is_worth_it)
            .order_by(model.available_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        interval = func.least(
            self._interval_seconds * func.power(2, model.attempts), LONGEST_INTERVAL_SECONDS
        )
        with transaction(self._db) as session:
            rows = session.execute(
                update(model)
                .where(key.in_(due))
                .values(
                    available_at=now + func.make_interval(0, 0, 0, 0, 0, 0, interval),
                    attempts=model.attempts + 1,
                )
                .returning(model.message_id, model.subscriber, model.name, model.sealed, model.trace)
            ).all()
        return [Claimed(*row) for row in rows]

    def release(self, unpublished: Sequence[Claimed], now: datetime) -> None:
        """Make rows that could not be published due again in a second, the attempt not counted."""
        model = self._model
        keys = [(claimed.message_id, claimed.subscriber) for claimed in unpublished]
        with transaction(self._db) as session:
            session.execute(
                update(model)
                .where(tuple_(model.message_id, model.subscriber).in_(keys))
                .values(available_at=now + timedelta(seconds=1), attempts=model.attempts - 1)
            )

    def acknowledge(self, message_id: UUID, subscriber: str) -> None:
        """Forget a message that its subscriber has handled; harmless when repeated."""
        model = self._model
        with transaction(self._db) as session:
            session.execute(
                delete(model).where(model.message_id == message_id, model.subscriber == subscriber)
            )

    def oldest_age_seconds(self, now: datetime) -> float:
        """How long the oldest message has been waiting; 0 when none is."""
        oldest = self._db.session.scalar(select(func.min(self._model.created_at)))
        return (now - oldest).total_seconds() if oldest else 0.0

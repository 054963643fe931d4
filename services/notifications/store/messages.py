"""The tables of messages and deliveries. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, literal, literal_column, select, update
from sqlalchemy.orm import contains_eager

from services.notifications.models import (
    ANSWER_WORDS,
    ENDED,
    Attempt,
    Delivery,
    IdempotencyKey,
    Message,
    TemplateVersion,
    db,
    table_of,
)
from shared.chassis.addresses import search_form

_MESSAGES, _DELIVERIES, _KEYS = table_of(Message), table_of(Delivery), table_of(IdempotencyKey)


def add(message: dict[str, Any], delivery: dict[str, Any], *, send_at: datetime | None) -> str:
    """Store a message and its delivery, due at ``send_at`` or now by PostgreSQL's clock; its status."""
    now = func.now()
    due_at = func.greatest(now, send_at) if send_at else now
    status = func.coalesce(select(literal("scheduled")).where(due_at > now).scalar_subquery(), "queued")
    db.session.execute(_MESSAGES.insert().values(**message, created_at=now))
    times = {"due_at": due_at, "next_attempt_at": due_at, "created_at": now, "updated_at": now}
    statement = _DELIVERIES.insert().values(**delivery, **times, status=status)
    return str(db.session.scalar(statement.returning(_DELIVERIES.c.status)))


def add_suppressed(message: dict[str, Any], delivery: dict[str, Any], reason: str) -> None:
    """Store a message that is not sent, to protect its recipient, and why."""
    now = func.now()
    event = func.jsonb_build_object("name", "suppressed", "detail", reason, "occurred_at", now)
    times = {"due_at": now, "next_attempt_at": now, "created_at": now, "updated_at": now}
    state = {"status": "suppressed", "reason": reason, "actions": func.jsonb_build_array(event)}
    db.session.execute(_MESSAGES.insert().values(**message, created_at=now))
    db.session.execute(_DELIVERIES.insert().values(**delivery, **times, **state))


def find(message_id: UUID) -> Delivery | None:
    """The delivery by mail of a message, with the message; None where there is no such message."""
    return db.session.scalars(_of(message_id)).one_or_none()


def find_for_update(message_id: UUID) -> Delivery | None:
    """The delivery by mail of a message, locked until the transaction ends."""
    query = _of(message_id).with_for_update(of=Delivery).execution_options(populate_existing=True)
    return db.session.scalars(query).one_or_none()


def _of(message_id: UUID) -> Any:
    query = select(Delivery).join(Delivery.message).options(contains_eager(Delivery.message))
    return query.where(Delivery.message_id == message_id, Delivery.channel == "email")


def attempts_of(delivery: Delivery) -> Sequence[Attempt]:
    """The attempts that have ended, in order."""
    query = select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.number)
    return db.session.scalars(query).all()


def search(
    *,
    status: str | None,
    template: str | None,
    to: str | None,
    since: datetime | None,
    until: datetime | None = None,
    answer: str | None = None,
    cursor: UUID | None,
    limit: int,
) -> Sequence[Delivery]:
    """Up to ``limit`` deliveries after ``cursor``, the newest message first."""
    wanted: list[Any] = []
    if status is not None:
        wanted.append(Delivery.status == status)
    if template is not None:
        wanted.append(Message.template == template)
    if to is not None:
        wanted.append(Delivery.address_key == search_form(to))
    if since is not None:
        wanted.append(Message.created_at >= since)
    if until is not None:
        wanted.append(Message.created_at < until)
    if answer is not None:
        wanted.append(Delivery.id.in_(_answered(answer)))
    if cursor is not None:
        wanted.append(Delivery.message_id < cursor)
    query = select(Delivery).join(Delivery.message).options(contains_eager(Delivery.message))
    return db.session.scalars(query.where(*wanted).order_by(Delivery.message_id.desc()).limit(limit)).all()


def _answered(words: str) -> Select[Any]:
    """The deliveries of attempts in whose answer all the words are."""
    query = func.websearch_to_tsquery(literal_column("'simple'::regconfig"), words)
    return select(Attempt.delivery_id).where(literal_column(ANSWER_WORDS).op("@@")(query))


def erase_content(delivery: Delivery) -> None:
    """Erase the variables of the message, which nobody needs any more."""
    delivery.has_content = False
    delivery.message.sealed_variables = None


def erase_old_content(ended_before: datetime, limit: int) -> int:
    """Erase the variables of up to ``limit`` messages whose delivery had ended by then; how many."""
    old = (
        select(_DELIVERIES.c.id)
        .where(
            _DELIVERIES.c.has_content,
            _DELIVERIES.c.status.in_(ENDED),
            _DELIVERIES.c.updated_at < ended_before,
        )
        .order_by(_DELIVERIES.c.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    erase = update(_DELIVERIES).where(_DELIVERIES.c.id.in_(old)).values(has_content=False)
    erased = db.session.scalars(erase.returning(_DELIVERIES.c.message_id)).all()
    db.session.execute(update(_MESSAGES).where(_MESSAGES.c.id.in_(erased)).values(sealed_variables=None))
    return len(erased)


def delete_old(ended_before: datetime, limit: int, *, is_inclusive: bool = False) -> int:
    """Delete up to ``limit`` messages whose delivery had ended by then, attempts included; how many."""
    updated_at = _DELIVERIES.c.updated_at
    is_old = updated_at <= ended_before if is_inclusive else updated_at < ended_before
    old = (
        select(_DELIVERIES.c.message_id)
        .where(_DELIVERIES.c.status.in_(ENDED), is_old)
        .order_by(_DELIVERIES.c.updated_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return _delete(_MESSAGES.c.id.in_(old))


def delete_beyond(most: int, limit: int) -> int:
    """Delete up to ``limit`` of the messages that have ended, but for the ``most`` newest; how many."""
    ended = select(_DELIVERIES.c.updated_at).where(_DELIVERIES.c.status.in_(ENDED))
    newest = ended.order_by(_DELIVERIES.c.updated_at.desc()).offset(most).limit(1)
    last_kept = db.session.scalar(newest)
    return delete_old(last_kept, limit, is_inclusive=True) if last_kept is not None else 0


def _delete(which: ColumnElement[bool]) -> int:
    """Delete messages, and the keys of the requests that asked for them; how many messages."""
    statement = delete(_MESSAGES).where(which).returning(_MESSAGES.c.idempotency_key)
    keys = db.session.scalars(statement).all()
    db.session.execute(delete(_KEYS).where(_KEYS.c.key_hash.in_([key for key in keys if key is not None])))
    return len(keys)


def delete_keys(started_before: datetime, limit: int) -> int:
    """Delete up to ``limit`` keys of requests that made no message; how many."""
    old = select(_KEYS.c.key_hash).where(_KEYS.c.started_at < started_before, ~_KEYS.c.is_kept).limit(limit)
    statement = delete(_KEYS).where(_KEYS.c.key_hash.in_(old)).returning(_KEYS.c.key_hash)
    return len(db.session.scalars(statement).all())


def keep_key(key_hash: str) -> None:
    """Keep the row of a request until its message is deleted."""
    db.session.execute(update(_KEYS).where(_KEYS.c.key_hash == key_hash).values(is_kept=True))


def count_for(account_id: UUID) -> dict[str, int]:
    """How many messages the account was sent, and how many of them went or failed."""
    its = select(Delivery.status).join(Message).where(Message.account_id == account_id).subquery()
    status = its.c.status
    counts = {
        "messages": func.count(),
        "sent": func.count().filter(status == "sent"),
        "failed": func.count().filter(status.in_(["failed", "bounced"])),
    }
    row = db.session.execute(select(*(count.label(name) for name, count in counts.items())).select_from(its))
    return dict(row.mappings().one())


def take_over(account_id: UUID, email: str) -> None:
    """Have the account own what services mailed to its address before there was an account to name.

    What a program asked for stays as it is: it would learn here whose address it is.
    """
    its = select(_DELIVERIES.c.message_id).where(_DELIVERIES.c.address_key == search_form(email))
    is_nobodys = _MESSAGES.c.account_id.is_(None) & _MESSAGES.c.requested_by.is_(None)
    owned = update(_MESSAGES).where(is_nobodys, _MESSAGES.c.id.in_(its))
    db.session.execute(owned.values(account_id=account_id))


def forget_account(account_id: UUID, email: str | None) -> None:
    """Delete the messages to an account, and those to its address that are no other account's.

    Deliveries and attempts go with them. What it asked to be sent to others, and the templates
    that it wrote, are nobody's any more.
    """
    _delete(_MESSAGES.c.account_id == account_id)
    if email is not None:
        its = select(_DELIVERIES.c.message_id).where(_DELIVERIES.c.address_key == search_form(email))
        _delete(_MESSAGES.c.account_id.is_(None) & _MESSAGES.c.id.in_(its))
    asked = update(_MESSAGES).where(_MESSAGES.c.requested_by == account_id)
    db.session.execute(asked.values(requested_by=None))
    written = update(TemplateVersion).where(TemplateVersion.created_by == account_id)
    db.session.execute(written.values(created_by=None))


def adopt(at_most: int) -> int:
    """Move up to ``at_most`` rows that the release before has written into its own table; how many."""
    return int(db.session.scalar(select(func.adopt_notifications(at_most))) or 0)

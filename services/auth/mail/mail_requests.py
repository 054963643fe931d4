"""Wishes for a mail: a request writes one and is answered; the worker looks whether there is anybody to mail.

So a request does the same work for a known address as for an unknown one, and nobody learns from
status, body, headers or time which it was.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, insert, select, text, update

from services.auth.deps import deps
from services.auth.models import MailRequest, db
from shared.chassis import tracing
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id
from shared.chassis.logs import get_logger

CHANNEL = "doorward_mail_requests"
MOST_ATTEMPTS = 20
TRACE = "$trace"
Handler = Callable[[dict[str, Any], datetime], None]

log = get_logger(__name__)


def ask(kind: str, wish: dict[str, Any]) -> None:
    """Write the wish down in the caller's transaction, and under which trace it was made."""
    content = {**wish, TRACE: tracing.current_headers()}
    sealed = deps().mail_request_sealer.seal(orjson.dumps(content))
    values = {"id": new_id(), "kind": kind, "sealed": sealed, "available_at": utcnow()}
    db.session.execute(insert(MailRequest).values(**values))
    db.session.execute(text(f"NOTIFY {CHANNEL}"))


def work_off(handlers: Mapping[str, Handler]) -> int:
    """One step of the relay: grant the oldest wish that is due; how many it was."""
    now = utcnow()
    with transaction(db) as session:
        due = (
            select(MailRequest)
            .where(MailRequest.available_at <= now)
            .order_by(MailRequest.available_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        request = session.scalars(due).one_or_none()
        if request is None:
            return 0
        found = (request.id, request.kind, request.sealed, request.attempts)
        try:
            with session.begin_nested():
                _grant(handlers, *found[1:3], now)
                session.execute(delete(MailRequest).where(MailRequest.id == found[0]))
        except Exception:
            log.exception("mail_request_failed", kind=found[1], attempts=found[3] + 1)
            _postpone(found[0], found[3] + 1, now)
    return 1


def _grant(handlers: Mapping[str, Handler], kind: str, sealed: str, now: datetime) -> None:
    wish = orjson.loads(deps().mail_request_sealer.open(sealed))
    # The release before wrote none.
    with tracing.tracing(tracing.from_headers(wish.pop(TRACE, {}))):
        handlers[kind](wish, now)
        log.info("mail_request_granted", kind=kind)


def _postpone(request_id: Any, attempts: int, now: datetime) -> None:
    """Try again later; a wish that never works is dropped, since its mail would come too late."""
    if attempts >= MOST_ATTEMPTS:
        db.session.execute(delete(MailRequest).where(MailRequest.id == request_id))
        return
    wait = timedelta(seconds=min(2**attempts, 300))
    statement = update(MailRequest).where(MailRequest.id == request_id)
    db.session.execute(statement.values(attempts=attempts, available_at=now + wait))

"""The inbox: the ids of the messages that a service has handled, so that a second delivery is harmless."""

from datetime import datetime, timedelta
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from shared.chassis.clock import utcnow

KEPT_FOR = timedelta(days=30)


class InboxMixin:
    """The columns of a service's inbox table."""

    __tablename__ = "inbox"

    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(index=True)


def record(db: SQLAlchemy, model: type[InboxMixin], message_id: UUID) -> bool:
    """Note the message in the caller's transaction; False when it was handled before.

    A concurrent delivery of the same message waits here until the first one commits or fails.
    """
    statement = (
        insert(model)
        .values(message_id=message_id, handled_at=utcnow())
        .on_conflict_do_nothing()
        .returning(model.message_id)
    )
    return db.session.execute(statement).one_or_none() is not None

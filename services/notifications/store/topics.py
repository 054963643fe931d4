"""The table of topics. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence

from sqlalchemy import select

from services.notifications.models import Topic, db


def list_all() -> Sequence[Topic]:
    """Every topic, by name."""
    return db.session.scalars(select(Topic).order_by(Topic.name)).all()


def find(name: str) -> Topic | None:
    """The topic, if there is one."""
    return db.session.get(Topic, name)


def find_for_update(name: str) -> Topic | None:
    """The topic, locked until the transaction ends."""
    return db.session.get(Topic, name, with_for_update=True)


def add(topic: Topic) -> Topic:
    """Store a new topic."""
    db.session.add(topic)
    return topic

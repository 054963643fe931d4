"""The tables of templates and of their versions. Stores never commit: the use case owns the transaction."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from services.notifications.models import StoredTemplate, TemplateVersion, db


class Row(NamedTuple):
    """A stored version."""

    name: str
    number: int
    source: dict[str, Any]


_COLUMNS = (TemplateVersion.name, TemplateVersion.number, TemplateVersion.source)


def find_current(name: str) -> Row | None:
    """The version of the team's own template that new messages get; None where it has none."""
    query = select(*_COLUMNS).join(
        StoredTemplate,
        (StoredTemplate.name == TemplateVersion.name) & (StoredTemplate.current == TemplateVersion.number),
    )
    return _row(query.where(TemplateVersion.name == name))


def find(name: str, number: int) -> Row | None:
    """A version, whether messages still get it or not."""
    return _row(select(*_COLUMNS).where(TemplateVersion.name == name, TemplateVersion.number == number))


def _row(query: Any) -> Row | None:
    row = db.session.execute(query).one_or_none()
    return Row(*row) if row is not None else None


def list_current() -> Sequence[Row]:
    """The current version of each of the team's own templates."""
    query = select(*_COLUMNS).join(
        StoredTemplate,
        (StoredTemplate.name == TemplateVersion.name) & (StoredTemplate.current == TemplateVersion.number),
    )
    return [Row(*row) for row in db.session.execute(query.order_by(TemplateVersion.name))]


def versions_of(name: str) -> Sequence[TemplateVersion]:
    """Every version, the newest first."""
    query = select(TemplateVersion).where(TemplateVersion.name == name)
    return db.session.scalars(query.order_by(TemplateVersion.number.desc())).all()


def find_number(name: str, content_hash: str) -> int | None:
    """The number of the version with this content."""
    query = select(TemplateVersion.number).where(
        TemplateVersion.name == name, TemplateVersion.content_hash == content_hash
    )
    return db.session.scalar(query)


def add_version(
    name: str, content_hash: str, source: dict[str, Any], *, is_built_in: bool, created_by: UUID | None
) -> int:
    """The number of the version with this content, which is stored where there was none."""
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 4))))
    number = find_number(name, content_hash)
    if number is not None:
        return number
    newest = db.session.scalar(select(func.max(TemplateVersion.number)).where(TemplateVersion.name == name))
    number = (newest or 0) + 1
    row = {
        "name": name,
        "number": number,
        "content_hash": content_hash,
        "source": source,
        "is_built_in": is_built_in,
        "created_by": created_by,
        "created_at": func.now(),
    }
    db.session.execute(insert(TemplateVersion).values(**row))
    return number


def set_current(name: str, number: int) -> None:
    """Let new messages get this version."""
    now = func.now()
    statement = insert(StoredTemplate).values(name=name, current=number, created_at=now, updated_at=now)
    changes = {"current": number, "updated_at": now}
    db.session.execute(statement.on_conflict_do_update(index_elements=[StoredTemplate.name], set_=changes))


def remove(name: str) -> bool:
    """Let no new message get the team's own template; whether there was one. Its versions stay."""
    statement = delete(StoredTemplate).where(StoredTemplate.name == name).returning(StoredTemplate.name)
    return db.session.scalar(statement) is not None

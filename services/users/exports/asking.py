"""The use cases of whoever wants to know what is held on them: ask for a copy, see how far it is, read it."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from flask import current_app

from services.users.errors import ExportNotFound
from services.users.exports.chunks import Chunks
from services.users.models import Export, db
from services.users.profiles import reading
from services.users.settings import UsersSettings
from services.users.store import exports as store
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.ids import new_id

# Whoever asks again so soon is given the copy that there is.
ONE_IN = timedelta(hours=1)


def ask(account_id: UUID) -> dict[str, Any]:
    """Begin a copy, or the one that was begun within the hour; how far it is."""
    reading.get_own(account_id)
    settings: UsersSettings = current_app.extensions["doorward_settings"]
    now = utcnow()
    with transaction(db):
        store.lock_account(account_id)
        export = store.find_since(account_id, now - ONE_IN)
        if export is None:
            expires_at = now + timedelta(days=settings.export_days)
            export = store.add(new_id(), account_id, now, expires_at=expires_at)
        return progress(export)


def get(export_id: UUID, account_id: UUID) -> Export:
    """The copy, if it is the account's and not too old; raises ExportNotFound."""
    export = store.find(export_id, account_id)
    if export is None or export.expires_at <= utcnow():
        raise ExportNotFound
    return export


def progress(export: Export) -> dict[str, Any]:
    """How far the copy is, by service."""
    return {
        "id": export.id,
        "status": "collecting" if export.ready_at is None else "ready",
        "services": {
            part.service: "waiting" if part.collected_at is None else "collected"
            for part in store.parts(export.id)
        },
        "created_at": export.created_at,
        "expires_at": export.expires_at,
    }


def document(export: Export) -> dict[str, Iterator[bytes]]:
    """The lines of each service's part, opened as they are read."""
    return {part.service: _lines(export.id, part.service) for part in store.parts(export.id)}


def _lines(export_id: UUID, service: str) -> Iterator[bytes]:
    return Chunks.of(export_id, service).open(_sealed(export_id, service))


def _sealed(export_id: UUID, service: str) -> Iterator[str]:
    """The chunks of the part, each read by itself: a slow reader holds no connection."""
    for number in count():
        with transaction(db):
            sealed = store.find_chunk(export_id, service, number)
        if sealed is None:
            return
        yield sealed

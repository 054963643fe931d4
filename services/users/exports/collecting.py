"""The use cases of collecting a copy: one service's part after another, in users' worker.

A part is taken by lease, so that a worker that dies leaves it to the next; its lines are stored sealed, and
count together with the note that it is complete. When the last part is there, its owner is told by mail.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from services.users.deps import deps
from services.users.exports.chunks import Chunks
from services.users.extensions import messages
from services.users.holdings import HOLDINGS
from services.users.models import ExportPart, db
from services.users.store import exports as store
from services.users.store import profiles
from shared.chassis import errors, holdings
from shared.chassis.clock import utcnow
from shared.chassis.database import transaction
from shared.chassis.internal_client import ServiceUnavailable
from shared.chassis.logs import get_logger
from shared.contracts.messages import SendEmail

LEASE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(minutes=5)
MAIL = "export_ready"
CHANNEL = store.CHANNEL

log = get_logger(__name__)


class CollectedByAnother(errors.Conflict):
    """The lease expired and another worker has taken over this part."""

    code = "export_part_taken"
    detail = "Another worker collects this."


def collect_next() -> int:
    """One step of the relay: collect a part that is due; how many."""
    with transaction(db) as session:
        part = store.claim(utcnow(), lease=LEASE)
        if part is None:
            return 0
        session.expunge(part)
    try:
        _collect(part)
    except errors.ApiError as error:
        log.warning("export_part_put_off", service=part.service, cause=repr(error))
        with transaction(db):
            store.put_off(part, utcnow() + min(timedelta(seconds=2**part.attempts), LONGEST_PAUSE))
    return 1


def _collect(part: ExportPart) -> None:
    """Store the part and note that it is complete; raises ServiceUnavailable where it cannot be had whole."""
    with transaction(db):
        export = store.get(part.export_id)
        if export is None:  # the account was deleted meanwhile
            return
        store.forget_chunks(part)
        lines = _whole(_lines(part.service, export.account_id))
        for number, sealed in enumerate(Chunks.of(part.export_id, part.service).seal(lines)):
            store.add_chunk(part, number, sealed)
        _finish(part)


def _lines(service: str, account_id: UUID) -> Iterator[bytes]:
    if service == messages.service:
        return holdings.lines(db, HOLDINGS, account_id)
    return deps().services[service].export(account_id)


def _whole(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The lines before the last, which says that nothing was cut off; raises ServiceUnavailable."""
    for line in lines:
        if line.rstrip() == holdings.END:
            return
        yield line
    raise ServiceUnavailable


def _finish(part: ExportPart) -> None:
    now = utcnow()
    export = store.find_for_update(part.export_id)
    if not store.finish(part, now):
        raise CollectedByAnother
    if export is not None and all(each.collected_at for each in store.parts(export.id)):
        export.ready_at = now
        _tell(export.account_id, export.expires_at)


def _tell(account_id: UUID, expires_at: datetime) -> None:
    profile = profiles.find(account_id)
    if profile is None:
        return
    messages.send(
        SendEmail(
            template=MAIL,
            to_email=profile.email,
            account_id=account_id,
            locale=profile.locale,
            variables={"name": profile.name or "", "time": f"{expires_at:%Y-%m-%d %H:%M} UTC"},
        )
    )

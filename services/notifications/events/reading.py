"""The use case of reading events: pages in their order, and where to go on when more has happened."""

from typing import Any
from uuid import UUID

from services.notifications.events.kinds import types_of
from services.notifications.models import Event
from services.notifications.store import events as store
from shared.chassis import pagination

_BEGINNING = (0, UUID(int=0))


def list_after(
    *,
    limit: int,
    cursor: tuple[int, UUID] | None,
    type_: str | None,
    account_id: UUID | None,
    organization_id: UUID | None,
) -> dict[str, Any]:
    """One page of the events that match, the oldest first."""
    begin = cursor or _BEGINNING
    found = store.find_after(
        begin[0],
        types=None if type_ is None else types_of(type_),
        account_id=account_id,
        organization_id=organization_id,
        limit=limit + 1,
    )
    page = pagination.page_of(found, limit=limit, key=_key)
    last = _key(page["items"][-1]) if page["items"] else begin
    return {**page, "resume_cursor": pagination.cursor_after(last)}


def _key(event: Event) -> tuple[int, UUID]:
    return event.position, event.id

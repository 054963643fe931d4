"""The use case of the administrators' list."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.users.profiles.rendering import as_owned
from services.users.store import profiles as store
from shared.chassis import pagination


def search(*, limit: int, sort: str, cursor: tuple[str, UUID] | None, **filters: Any) -> dict[str, Any]:
    """One page of profiles for an administrator."""
    after = (datetime.fromisoformat(cursor[0]), cursor[1]) if cursor else None
    rows = store.search(limit=limit + 1, is_descending=sort.startswith("-"), after=after, **filters)
    page = pagination.page_of(
        rows, limit=limit, key=lambda profile: (profile.created_at.isoformat(), profile.id)
    )
    return {**page, "items": [as_owned(profile) for profile in page["items"]]}

"""The use case of statistics: what each service counts of an account, asked at once, remembered a moment.

A service that does not answer leaves a gap, which has a name; an answer with a gap is not remembered.
"""

import asyncio
from typing import Any
from uuid import UUID

from services.users.cache.memos import memos
from services.users.deps import deps
from services.users.profiles import reading
from shared.chassis.clock import utcnow

REMEMBERED_SECONDS = 60


def _has_no_gap(counted: dict[str, Any]) -> bool:
    return not counted["gaps"]


@memos.memoize(timeout=REMEMBERED_SECONDS, response_filter=_has_no_gap)
def count(account_id: str) -> dict[str, Any]:
    """What the services count of the account, by service; ``gaps`` names those that did not answer."""
    answers = asyncio.run(deps().count(UUID(account_id)))
    return {
        "id": account_id,
        "counts": {name: dict(answer.counts) for name, answer in answers.items() if answer is not None},
        "gaps": [name for name, answer in answers.items() if answer is None],
        "counted_at": utcnow().isoformat().replace("+00:00", "Z"),
    }


async def stats_of(account_id: UUID, *, anew: bool) -> dict[str, Any]:
    """The statistics; raises ProfileNotFound. ``anew``: not those of a moment ago.

    Flask-Caching remembers what functions return, and not what coroutines do: so it works in a thread.
    """
    reading.get(account_id)
    if anew:
        forget(account_id)
    counted: dict[str, Any] = await asyncio.to_thread(count, str(account_id))
    return counted


def forget(account_id: UUID) -> None:
    """Count anew when somebody asks."""
    memos.delete_memoized(count, str(account_id))

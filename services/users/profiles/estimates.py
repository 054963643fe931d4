"""About how many profiles match a search: PostgreSQL's estimate, which each process asks for once a minute.

In the process and not in Redis: a busy Redis that answers late has the estimate made anyway, and has been
waited for. Processes may differ by what changed in a minute; it is an estimate.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from flask import current_app

from services.users.store import search as store
from services.users.store.search import Filters

SECONDS = 60
MOST_REMEMBERED = 1000
EXTENSION = "doorward_search_estimates"


class _Estimate(NamedTuple):
    number: int
    ends_at: float


class Estimates:
    """The memory of one app. ``clock`` gives seconds, ``ask`` gives an estimate anew."""

    def __init__(self, ask: Callable[[Filters], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[Filters, _Estimate] = {}

    def of(self, filters: Filters) -> int:
        """About how many match."""
        now = self._clock()
        known = self._known.get(filters)
        if known is None or known.ends_at <= now:
            known = _Estimate(self._ask(filters), now + SECONDS)
            self._remember(filters, known)
        return known.number

    def _remember(self, filters: Filters, estimate: _Estimate) -> None:
        """A full memory begins anew: threads that read meanwhile are not disturbed."""
        if len(self._known) >= MOST_REMEMBERED:
            self._known = {}
        self._known[filters] = estimate


def estimates() -> Estimates:
    """Those of the app that runs."""
    found: Estimates = current_app.extensions.setdefault(EXTENSION, Estimates(store.estimate))
    return found

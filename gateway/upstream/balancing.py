"""Which of several replicas is next: each in turn by its weight, those that fall behind passed over."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

# So many requests more than its share a replica may have under way: one that hangs gets no more after that.
MOST_BEHIND = 2


class Candidate(Protocol):
    """A replica, as far as the choice looks at it."""

    weight: int
    outstanding: int
    credit: float


T = TypeVar("T", bound=Candidate)


def choose(candidates: Sequence[T]) -> T:
    """The next one (smooth weighted round robin, as nginx has it).

    The least busy one alone would not do: requests that come one after the other find all replicas idle, and
    a weight would count for nothing.
    """
    keeping_up = _keeping_up(candidates)
    chosen = keeping_up[0]
    for candidate in keeping_up:
        candidate.credit += candidate.weight
        if candidate.credit > chosen.credit:
            chosen = candidate
    chosen.credit -= sum(candidate.weight for candidate in keeping_up)
    return chosen


def _keeping_up(candidates: Sequence[T]) -> list[T]:
    """Those with no more under way than their share of it allows; there is always one."""
    weights = sum(candidate.weight for candidate in candidates)
    under_way = sum(candidate.outstanding for candidate in candidates)
    return [
        candidate
        for candidate in candidates
        if candidate.outstanding <= under_way * candidate.weight / weights + MOST_BEHIND
    ]

"""The remembered estimates of how many profiles match a search."""

from services.users.profiles import estimates
from services.users.profiles.estimates import Estimates
from services.users.store.search import Filters

NAMED, ALL = Filters(q="Lovelace"), Filters()


class Table:
    """A table that grows whenever it is asked about, and a clock that stands."""

    def __init__(self) -> None:
        self.asked: list[Filters] = []
        self.now = 1000.0

    def ask(self, filters: Filters) -> int:
        self.asked.append(filters)
        return len(self.asked)


def test_each_search_is_estimated_once_and_after_a_minute_anew() -> None:
    table = Table()
    remembered = Estimates(table.ask, clock=lambda: table.now)

    first = [remembered.of(NAMED), remembered.of(ALL), remembered.of(Filters(q="Lovelace"))]
    table.now += estimates.SECONDS - 1
    still = remembered.of(NAMED)
    table.now += 1
    anew = remembered.of(NAMED)

    assert (first, still, anew) == ([1, 2, 1], 1, 3)
    assert table.asked == [NAMED, ALL, NAMED]


def test_memory_of_estimates_does_not_grow_with_what_is_searched_for() -> None:
    table = Table()
    remembered = Estimates(table.ask, clock=lambda: table.now)

    for number in range(estimates.MOST_REMEMBERED + 1):
        remembered.of(Filters(q=str(number)))
    found = [remembered.of(Filters(q="0")), remembered.of(Filters(q=str(estimates.MOST_REMEMBERED)))]

    assert found == [estimates.MOST_REMEMBERED + 2, estimates.MOST_REMEMBERED + 1]

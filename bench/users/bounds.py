"""What users is held to beside its peer, with Redis stopped, and at a hundred times the profiles."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from bench.users.turns import Measured

OWN, PEER = "doorward", "django"
WARM, UNCHANGED, COLD, DOWN = "me, warm", "me, 304", "me, cold", "me, Redis stopped"
LIST, SEARCH = "list", "search"

TIMES_THE_PEERS_RATE = {WARM: 1.5, UNCHANGED: 2.0}
MORE_THAN_COLD_MS = 1.0
TIMES_AS_LONG_WITH_MANY = 1.5

Loads = Mapping[tuple[str, int, str], Measured]  # what, with how many profiles, who


class Bound(NamedTuple):
    """What is asked, what was found, and whether that is within it."""

    asked: str
    found: float
    is_kept: bool


def ratios(own: Measured, peer: Measured) -> list[float]:
    """How many times the peer's rate, in each of the rounds that the peer answered in."""
    pairs = zip(own.load.rates, peer.load.rates, strict=True)
    return [mine / theirs for mine, theirs in pairs if theirs > 0]


def bounds(loads: Loads) -> Iterator[Bound]:
    """Those that this run can tell about."""
    sizes = sorted({profiles for _, profiles, _ in loads})
    for profiles in sizes:
        yield from _beside_the_peer(loads, profiles)
        yield from _without_redis(loads, profiles)
    for profiles in sizes[1:]:
        yield from _with_many(loads, sizes[0], profiles)


def _beside_the_peer(loads: Loads, profiles: int) -> Iterator[Bound]:
    for what, least in TIMES_THE_PEERS_RATE.items():
        own, peer = loads.get((what, profiles, OWN)), loads.get((what, profiles, PEER))
        if own is not None and peer is not None and (found := ratios(own, peer)):
            asked = f"{what}, {profiles:,} profiles: at least {least} times the peer's rate"
            yield Bound(asked, median(found), median(found) >= least)


def _without_redis(loads: Loads, profiles: int) -> Iterator[Bound]:
    down, cold = loads.get((DOWN, profiles, OWN)), loads.get((COLD, profiles, OWN))
    if down is not None and cold is not None:
        more = down.load.p99_ms - cold.load.p99_ms
        asked = f"{DOWN}, {profiles:,} profiles: p99 at most {MORE_THAN_COLD_MS} ms over that of a cold cache"
        yield Bound(asked, more, more <= MORE_THAN_COLD_MS)


def _with_many(loads: Loads, few: int, many: int) -> Iterator[Bound]:
    for what in (LIST, SEARCH, WARM):
        before, after = loads.get((what, few, OWN)), loads.get((what, many, OWN))
        if before is not None and after is not None:
            times = after.load.median_ms / before.load.median_ms
            asked = (
                f"{what}: {many:,} profiles take at most {TIMES_AS_LONG_WITH_MANY} times as long as {few:,}"
            )
            yield Bound(asked, times, times <= TIMES_AS_LONG_WITH_MANY)


def write(loads: Loads) -> None:
    """Print each bound with what was found."""
    for bound in bounds(loads):
        print(f"{'PASS' if bound.is_kept else 'FAIL'}  {bound.found:7.2f}  {bound.asked}")

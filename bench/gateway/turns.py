"""Measuring contestants in turns, and the table of what was found.

Several rounds and their median, since a busy machine favours whoever is measured in a quiet moment; processor
time for each request is the figure that suffers least from it.
"""

import statistics
import sys
import time
from dataclasses import dataclass, field

from bench.gateway import cost, load
from bench.gateway.contestants import Contestant

WARM_UP_REQUESTS = 30_000
MOST_WARM_UP_SECONDS = 20.0


@dataclass
class Result:
    """What was measured of one contestant."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)  # microseconds of processor time for a request
    halves: list[tuple[float, float]] = field(default_factory=list)  # p50, p99 in ms at half load
    memory_mib: float = 0.0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def cost(self) -> float:
        return statistics.median(self.costs)

    def percentile(self, which: int) -> float:
        return statistics.median(half[which] for half in self.halves)


def measure(
    contestants: list[Contestant], headers: dict[str, str], *, rounds: int, seconds: float
) -> dict[str, Result]:
    """What was found of each, by its name."""
    results = {contestant.name: Result() for contestant in contestants}
    for contestant in contestants:
        warm_up(contestant, headers)
    for number in range(rounds):
        for contestant in contestants:
            turn(contestant, results[contestant.name], headers, seconds)
        rates = ", ".join(f"{name} {result.rates[-1]:,.0f}/s" for name, result in results.items())
        print(f"round {number + 1}: {rates}", file=sys.stderr, flush=True)
    return results


def warm_up(contestant: Contestant, headers: dict[str, str]) -> None:
    """Let compilers and caches get warm: a just-in-time compiler needs requests, however long they take."""
    began, answered = time.monotonic(), 0
    while answered < WARM_UP_REQUESTS and time.monotonic() - began < MOST_WARM_UP_SECONDS:
        answered += load.full(contestant.port, headers, 2)[1]


def turn(contestant: Contestant, result: Result, headers: dict[str, str], seconds: float) -> None:
    """Full load, then half of it."""
    used = cost.cpu_seconds(contestant.pid)
    rate, count = load.full(contestant.port, headers, seconds)
    result.rates.append(rate)
    # h2load's second of warming up is answered as well.
    answered = count + (rate if load.is_h2load_here() else 0)
    result.costs.append((cost.cpu_seconds(contestant.pid) - used) / answered * 1e6)
    result.halves.append(load.half(contestant.port, headers, result.rate, seconds))
    result.memory_mib = cost.resident_mib(contestant.pid)


def report(results: dict[str, Result], own_name: str) -> None:
    """Print the table; its last columns are the figures of ``own_name`` by those of the others."""
    own = results[own_name]
    print(
        f"{'gateway':<34}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'MiB':>6}"
        f"{'doorward: rate':>16}{'CPU':>7}{'p99':>7}"
    )
    for name, result in results.items():
        print(
            f"{name:<34}{result.rate:>11,.0f}{result.percentile(0):>8.2f}{result.percentile(1):>8.2f}"
            f"{result.cost:>8.0f}{result.memory_mib:>6.0f}{own.rate / result.rate:>15.2f}x"
            f"{own.cost / result.cost:>6.2f}x{own.percentile(1) / result.percentile(1):>6.2f}x"
        )
    print(
        "One worker each. p50 and p99 at half of each gateway's own rate; CPU us: processor time a request."
    )
    print("The last columns are doorward's figure by theirs. nginx forwards without any policy.")

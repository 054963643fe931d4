"""`make bench-auth`: auth beside what it is made of, and beside others.

- sign-ins a second against the bare argon2 rate of the same cores and parameters;
- sign-ins, refreshes and introspections a second, beside simplejwt with its blacklist, django-allauth
  headless and better-auth, each with as many worker processes and database connections, on the same
  PostgreSQL, and beside PocketBase, which is one process with SQLite in it; each hashes passwords as it does
  by default;
- the memory of each when all is done, without PostgreSQL's and Redis's;
- all of it at 10,000 and at 1,000,000 accounts.

Everybody is measured in turns, several rounds of them, and the median counts: a busy machine favours whoever
is measured in a quiet moment. What the others need is installed once, from pinned lists, into a cache
folder; who cannot be had is named and left out. ``--quick`` is a short look at smaller tables; ``--calls``
measures some of the calls only.
"""

import argparse
import math
import os
import sys
from contextlib import ExitStack
from statistics import median

from bench.auth import doorward, memory, rivals
from bench.auth.load import Load
from shared.chassis.testing import servers

CLIENTS = 16
THREADS = 8
WARM_UP_SECONDS = 1.0
LONGER = {
    "sign in": 4
}  # of a few dozen answers in a turn, those under way at its end would be too large a part
OWN = "doorward"
CALLS = ("refresh", "introspect", "sign in")

Loads = dict[tuple[str, int, str], Load]  # who, with how many accounts, what
Groups = dict[tuple[str, int], int]  # who, with how many accounts: the group of its processes


def start(stack: ExitStack, pair: servers.Servers, sizes: list[int], workers: int) -> tuple[Loads, Groups]:
    """Everybody with every number of accounts."""
    loads: Loads = {}
    groups: Groups = {}
    for accounts in sizes:
        options = {"accounts": accounts, "clients": CLIENTS, "workers": workers, "threads": THREADS}
        found = stack.enter_context(doorward.serving(pair, **options))
        loads |= {(OWN, accounts, what): load for what, load in found.loads.items()}
        groups[OWN, accounts] = found.group
        for rival in rivals.RIVALS:
            try:
                found = stack.enter_context(rivals.serving(rival, pair, **options))
            except rivals.LeftOut as reason:
                print(f"{rival.name} is left out: {reason}")
                continue
            loads |= {(rival.name, accounts, what): load for what, load in found.loads.items()}
            groups[rival.name, accounts] = found.group
        print(f"ready with {accounts:,} accounts", file=sys.stderr, flush=True)
    return loads, groups


def measure(loads: Loads, *, rounds: int, seconds: float) -> list[float]:
    """Give everybody the same turns; the rates of bare argon2, which is measured beside sign-ins."""
    bare = []
    has_sign_ins = any(what == "sign in" for _, _, what in loads)
    for load in loads.values():
        load.run(WARM_UP_SECONDS, is_counted=False)
    for number in range(rounds):
        for (_, _, what), load in loads.items():
            load.run(seconds * LONGER.get(what, 1))
        if has_sign_ins:
            bare.append(doorward.bare_argon2(doorward.settings_of(), seconds=seconds * LONGER["sign in"]))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return bare


def report(loads: Loads, bare: list[float]) -> None:
    """The rates and their ratios."""
    print(f"{'':<12}{'':<12}{'accounts':>10}{'a second':>10}{'median':>11}{'p99':>11}")
    for what in CALLS:
        for (who, accounts, name), load in loads.items():
            if name == what:
                times = f"{load.median_ms:8.1f} ms{load.p99_ms:8.1f} ms"
                notes = "; ".join(_notes(loads, who, accounts, what))
                print(f"{what:<12}{who:<12}{accounts:>10,}{load.per_second:>10,.0f}{times}  {notes}")
    if bare:
        print(f"{'bare argon2':<34}{median(bare):>10,.1f}")
    for (who, accounts, name), load in loads.items():
        if name == "sign in":
            print(f"  {who}'s sign-ins at {accounts:,} accounts: {load.per_second / median(bare):.0%} of it")


def report_memory(groups: Groups) -> None:
    """What each takes now that it has served."""
    for (who, accounts), group in groups.items():
        print(f"{'memory':<12}{who:<12}{accounts:>10,}{memory.of_group(group):>10,.0f} MiB")


def _notes(loads: Loads, who: str, accounts: int, what: str) -> list[str]:
    load = loads[who, accounts, what]
    notes = [f"{load.busy} times busy"] if load.busy else []
    own = loads[OWN, accounts, what]
    if own is not load:
        ratios = [ratio(*rates) for rates in zip(own.rates, load.rates, strict=True)]
        notes.append(
            f"doorward does {median(ratios):.2f} times as many ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    fewest = min(size for name, size, call in loads if (name, call) == (who, what))
    if accounts != fewest:
        growth = load.median_ms / loads[who, fewest, what].median_ms
        notes.append(f"takes {growth:.2f} times as long as with {fewest:,}")
    return notes


def ratio(mine: float, theirs: float) -> float:
    """How many times theirs mine is; a busy machine may leave somebody without an answer in a turn."""
    return mine / theirs if theirs else math.inf


def main() -> None:
    """Print the rates and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each turn")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--calls", nargs="+", choices=CALLS, default=CALLS, help="all, unless some are named")
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 accounts, two short rounds")
    options = parser.parse_args()
    if options.quick:
        options.accounts, options.rounds, options.seconds = [10_000, 100_000], 2, 2.0
    pair = servers.Servers(servers.choose_kind())
    cores = len(os.sched_getaffinity(0))
    print(f"{options.workers} worker processes on {cores} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{servers.DESCRIPTIONS[pair.kind]}; {CLIENTS} clients\n", flush=True)
    try:
        with ExitStack() as stack:
            loads, groups = start(stack, pair, options.accounts, options.workers)
            loads = {key: load for key, load in loads.items() if key[2] in options.calls}
            report(loads, measure(loads, rounds=options.rounds, seconds=options.seconds))
            report_memory(groups)
    finally:
        pair.close()


if __name__ == "__main__":
    main()

"""`make bench-users`: users beside Django REST framework with its cache, on the same PostgreSQL and Redis.

- the caller's own profile: warm, unchanged (304), cold (each request another account, the cache empty);
- the same with Redis stopped, which is to cost no more than a cold cache;
- public members of a hundred accounts, the administrators' list, a search by name;
- all of it at 10,000 and at 1,000,000 profiles.

Everybody has one worker process, so that on two cores a rate is the server's and not its clients'. Everybody
is measured in turns, several rounds of them, and the median counts. PostgreSQL and Valkey come out
of wheels: that PostgreSQL has trigrams. ``--quick`` is a short look at smaller tables.
"""

import argparse
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

from bench.auth.load import Call, Connection, Load
from bench.auth.rivals import LeftOut
from bench.users import bounds, report, rows, sites
from bench.users.bounds import COLD, DOWN, LIST, OWN, PEER, SEARCH, UNCHANGED, WARM
from bench.users.turns import Measured
from shared.chassis.testing.clients import PrivateRedis
from shared.chassis.testing.servers import Servers

CLIENTS = 16
THREADS = 8
WARM_UP_SECONDS = 1.0
COLD_ACCOUNTS = 1500  # of each client, in turns; fewer where there are fewer
USERS = "/api/v1/users"

PAIR = (COLD, DOWN)

Loads = dict[tuple[str, int, str], Measured]  # what, with how many profiles, who


@dataclass(frozen=True)
class Read:
    """A request that is always the same; ``state`` of the load."""

    path: str
    headers: dict[str, str]
    status: int = 200


def read(connection: Connection, asked: Read) -> Read:
    """Ask it once."""
    connection.read(asked.path, asked.headers, status=asked.status)
    return asked


@dataclass(frozen=True)
class Walk:
    """Own profiles of one account after the other; ``state`` of the load."""

    who: str
    first: int
    count: int
    done: int = 0


def walk(connection: Connection, state: Walk) -> Walk:
    """Ask for the next one's profile, which nobody has asked for since the cache was emptied."""
    number = state.first + state.done % state.count
    connection.read(_ME[state.who], _bearer(state.who, number))
    return Walk(state.who, state.first, state.count, state.done + 1)


_ME = {OWN: f"{USERS}/me", PEER: "/me"}
_LIST = {OWN: f"{USERS}?limit=50", PEER: "/profiles?"}
_SEARCH = {OWN: f"{USERS}?limit=50&q={rows.COMMON_NAME}", PEER: f"/profiles?search={rows.COMMON_NAME}"}
_SEVERAL = {OWN: f"{USERS}?ids=", PEER: "/several?ids="}
_TOKEN = {OWN: rows.doorward_token, PEER: rows.django_token}


def _bearer(who: str, number: int, *, is_admin: bool = False) -> dict[str, str]:
    return {"Authorization": f"Bearer {_TOKEN[who](number, is_admin=is_admin)}"}


def loads_of(who: str, url: str, profiles: int) -> dict[str, Load]:
    """What is measured of one that serves so many profiles, by name."""
    own = [_bearer(who, number) for number in range(1, CLIENTS + 1)]
    admin = _bearer(who, 1, is_admin=True)
    chance = Random(profiles)
    share = min(COLD_ACCOUNTS, profiles // CLIENTS)
    hundreds = [
        ",".join(str(rows.account_id(chance.randint(1, profiles))) for _ in range(100))
        for _ in range(CLIENTS)
    ]
    walks: list[Any] = [Walk(who, 1 + share * number, share) for number in range(CLIENTS)]
    calls: dict[str, tuple[Call, list[Any]]] = {
        WARM: (read, [Read(_ME[who], headers) for headers in own]),
        UNCHANGED: (read, [Read(_ME[who], {**headers, "If-None-Match": '"1"'}, 304) for headers in own]),
        COLD: (walk, walks),
        "batch of 100": (read, [Read(_SEVERAL[who] + ids, own[0]) for ids in hundreds]),
        LIST: (read, [Read(_LIST[who], admin)] * CLIENTS),
        SEARCH: (read, [Read(_SEARCH[who], admin)] * CLIENTS),
    }
    if who == OWN:
        calls[DOWN] = (walk, walks)
    return {what: Load(url, call, states) for what, (call, states) in calls.items()}


def start(stack: ExitStack, machine: sites.Machine, sizes: list[int], *, only: list[str]) -> Loads:
    """Everybody with every number of profiles; ``only`` these requests, if any are named."""
    loads: Loads = {}
    for profiles in sizes:
        for who, site in ((OWN, sites.doorward), (PEER, sites.django)):
            try:
                served = stack.enter_context(site(machine, profiles))
            except LeftOut as reason:
                print(f"{who} is left out: {reason}")
                continue
            found = loads_of(who, served.url, profiles)
            loads |= {
                (what, profiles, who): Measured(load, served.group)
                for what, load in found.items()
                if not only or what in only
            }
        _report(f"ready with {profiles:,} profiles")
    return loads


def measure(loads: Loads, redis: PrivateRedis, *, rounds: int, seconds: float) -> None:
    """Give everybody the same turns; those without Redis each follow their own cold one."""
    usual = sorted((load for load in loads.items() if load[0][0] not in PAIR), key=lambda each: each[0][0])
    for key, load in loads.items():
        if key[0] != DOWN:
            load.run(WARM_UP_SECONDS, is_counted=False)
    for number in range(rounds):
        for _, load in usual:
            load.run(seconds)
        for key in (key for key in loads if key[0] == COLD):
            _with_cache_empty_and_gone(loads, key, redis, seconds)
        _report(f"round {number + 1} of {rounds}")


def _with_cache_empty_and_gone(
    loads: Loads, key: tuple[str, int, str], redis: PrivateRedis, seconds: float
) -> None:
    """The two next to each other, so that whatever else the machine does is done to both."""
    redis.flush()
    loads[key].run(seconds)
    without = loads.get((DOWN, *key[1:]))
    if without is not None:
        redis.stop()
        without.run(WARM_UP_SECONDS, is_counted=False)
        without.run(seconds)
        redis.start()
        loads[key].run(WARM_UP_SECONDS, is_counted=False)  # until all have found it again


def _report(step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the rates, their ratios, and whether the bounds are kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--profiles", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each turn")
    parser.add_argument(
        "--workers", type=int, default=1, help="of each; with one, a core is left to the clients"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="REQUEST", help="such as 'batch of 100'")
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 profiles, two short rounds")
    options = parser.parse_args()
    if options.quick:
        options.profiles, options.rounds, options.seconds = [10_000, 100_000], 2, 1.0
    cores = len(os.sched_getaffinity(0))
    print(f"{options.workers} worker processes on {cores} cores, load {os.getloadavg()[0]:.1f}")
    print(f"PostgreSQL and Valkey out of wheels; {CLIENTS} clients\n", flush=True)
    pair = Servers("embedded")
    redis = pair.private_redis()
    try:
        with ExitStack() as stack:
            machine = sites.Machine(pair.postgres, redis.url(), options.workers, THREADS)
            loads = start(stack, machine, options.profiles, only=options.only)
            measure(loads, redis, rounds=options.rounds, seconds=options.seconds)
            report.write(loads, fewest=min(options.profiles))
            print()
            bounds.write(loads)
    finally:
        redis.close()
        pair.close()


if __name__ == "__main__":
    main()

"""What must hold of deliveries, at full size: `python -m tests.notifications hang`; or soon, with `--small`.

Each trial prints what it found. Its last line is PASS, or FAIL with what did not hold; so is the exit code.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from services.notifications.settings import NotificationsSettings
from tests.notifications import crashes, outages, revocations, scheduled, trials
from tests.notifications.kills import stage

LANES = 3
URGENT_SECONDS = 2.0
REVOCATION_SECONDS = 1.0
STEP_MILLISECONDS = 5.0
# Two measurements of the same thing differ by so much on a quiet machine.
SAME = 1.3
# Ten times as many take at most so many times as long.
LONGER = 11.0
FINAL = {"sent", "failed", "outcome_unknown", "cancelled", "suppressed"}


class Verdict(NamedTuple):
    """What a trial found, and whether each thing that must hold did."""

    found: object
    checks: Mapping[str, bool]


def hang(*, messages: int, seconds: float) -> Verdict:
    """The first of two mail servers hangs."""
    with stage() as (app, settings, sink):
        found = trials.hang(app, settings, sink, messages=messages, seconds=seconds, urgent=20)
    arrived_once = found.arrived_by_the_second_server == found.accepted
    return Verdict(
        found,
        {
            **entries_are_bounded(found.entries_at_most, settings),
            "each message arrived once, by the second server": arrived_once,
            f"urgent ones within {URGENT_SECONDS:.0f} s": max(found.urgent_seconds) < URGENT_SECONDS,
        },
    )


def entries_are_bounded(entries: int, settings: NotificationsSettings) -> Mapping[str, bool]:
    """A bell in each lane's queue for the one worker, and what its threads are just taking from them."""
    bound = LANES + settings.worker_concurrency
    return {f"at most {bound} entries in Redis": entries <= bound}


def revoke(*, mails: int, seconds: float) -> Verdict:
    """Sessions are revoked while the only mail server hangs and mails are due."""
    with revocations.backends() as (backend, redis):
        found = revocations.play(backend, redis, seconds=seconds, mails=mails)
        _app, settings = revocations.notifications_of(backend, redis)
    return Verdict(
        found,
        {
            **entries_are_bounded(found.entries_at_most, settings),
            f"revoked within {REVOCATION_SECONDS:.0f} s": found.at_most_seconds < REVOCATION_SECONDS,
            "mails were due to the end": found.statuses.get("queued", 0) > 0,
        },
    )


def crash(*, kills: int) -> Verdict:
    """Processes, Redis and connections are killed."""
    with crashes.staged() as staged:
        found = crashes.play(staged, kills, say)
    return Verdict(
        found,
        {
            f"at least {kills} kills": sum(found.kills.values()) >= kills,
            "messages were accepted": found.accepted > 0,
            "none lost": found.lost == 0,
            "each in a final state": set(found.statuses) <= FINAL,
            "a second copy only where the timeline knows of it": found.again_though_known == 0,
            "and only of codes": found.messages_doubled == 0,
        },
    )


def outage(*, messages: int, seconds: float) -> Verdict:
    """Redis is emptied and stopped in the middle."""
    with crashes.staged() as staged:
        values = (staged.app, staged.settings, staged.sink, staged.redis)
        found = outages.play(*values, messages=messages, seconds=seconds)
    copies = found.copies
    return Verdict(
        found,
        {
            "all accepted": found.answers == {202: messages},
            "also without Redis": found.answers_without_redis == {202: messages // 3},
            "each arrived once": (copies.once, copies.again, copies.never) == (messages, 0, 0),
        },
    )


def step(*, rows: int) -> Verdict:
    """A step of the relay beside rows that are due next month."""
    with stage() as (app, _settings, _sink):
        few, many = scheduled.costs(app, 1000, rows)
    return Verdict(
        [few, many],
        {
            f"a step under {STEP_MILLISECONDS:.0f} ms": many.milliseconds < STEP_MILLISECONDS,
            "the same with few": many.milliseconds <= SAME * few.milliseconds,
            "no row read": not any([*few.read.values(), *many.read.values()]),
            "each table by an index": "Seq Scan" not in few.scans | many.scans,
        },
    )


def drain(*, messages: int) -> Verdict:
    """Ten times as many messages are sent."""
    with stage() as values:
        few, many = (trials.drain(*values, messages=number) for number in (messages, 10 * messages))
    found = f"{messages} in {few:.1f} s, {10 * messages} in {many:.1f} s: {many / few:.2f} times as long"
    return Verdict(found, {f"at most {LONGER:.0f} times as long": many <= LONGER * few})


def lanes(*, messages: int) -> Verdict:
    """Urgent messages come while bulk ones wait."""
    with stage() as values:
        found = trials.lanes(*values, bulk=messages, urgent=100)
    return Verdict(
        found,
        {
            f"p99 under {URGENT_SECONDS:.0f} s": found.p99_seconds < URGENT_SECONDS,
            "bulk waited to the end": found.bulk_left > 0,
        },
    )


def pause(*, messages: int) -> Verdict:
    """A worker is stopped past its lease, and goes on."""
    with stage() as values:
        found = trials.pause(*values, messages=messages)
    return Verdict(
        found,
        {
            "no second copy": found.again == 0,
            "what did not come is known as unknown": found.never <= found.statuses.get("outcome_unknown", 0),
            "each in a final state": set(found.statuses) <= FINAL,
        },
    )


class Trial(NamedTuple):
    """How it is played, at full size and soon."""

    play: Callable[..., Verdict]
    full: Mapping[str, Any]
    small: Mapping[str, Any]


TRIALS = {
    "hang": Trial(hang, {"messages": 10_000, "seconds": 1800}, {"messages": 200, "seconds": 10}),
    "revocations": Trial(revoke, {"mails": 10_000, "seconds": 1800}, {"mails": 200, "seconds": 10}),
    "crashes": Trial(crash, {"kills": 500}, {"kills": 8}),
    "outage": Trial(outage, {"messages": 10_000, "seconds": 60}, {"messages": 300, "seconds": 5}),
    "scheduled": Trial(step, {"rows": 1_000_000}, {"rows": 20_000}),
    "drain": Trial(drain, {"messages": 10_000}, {"messages": 1000}),
    "lanes": Trial(lanes, {"messages": 50_000}, {"messages": 6000}),
    "pause": Trial(pause, {"messages": 5000}, {"messages": 300}),
}


def say(line: str) -> None:
    """Print it at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Play one trial, and judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("trial", choices=TRIALS)
    parser.add_argument("--small", action="store_true", help="only show that it runs to its end")
    chosen = parser.parse_args()
    trial = TRIALS[chosen.trial]
    verdict = trial.play(**(trial.small if chosen.small else trial.full))
    say(f"{chosen.trial}: {verdict.found}")
    broken = [what for what, holds in verdict.checks.items() if not holds]
    say(
        f"FAIL {chosen.trial}: not {'; not '.join(broken)}"
        if broken
        else f"PASS {chosen.trial}: {'; '.join(verdict.checks)}"
    )
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()

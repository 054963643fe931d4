"""A worker's side of the lanes: a bell says that a lane has work, and a free slot claims and delivers it.

A batch is claimed under one lease and delivered one after the other. It is small until deliveries prove to
be fast, and what is left of it is given back as soon as one is slow: so a mail server that hangs holds one
message a slot, not a batch.
"""

import time
from collections.abc import Sequence
from random import uniform

from services.notifications.delivery.delivery import Term, deliver
from services.notifications.delivery.outcomes import Outcome
from services.notifications.deps import deps
from services.notifications.lanes import LANES, URGENT
from services.notifications.store import queue
from services.notifications.store.queue import Claim
from shared.chassis.logs import get_logger

# A slot is left after so long, with or without more to do, so that a worker that shall stop can.
DRAIN_SECONDS = 5.0
LARGEST_BATCH = 50
SLOW_SECONDS = 1.0
CROWDED_SECONDS = 1.0

log = get_logger(__name__)


class Pace:
    """How many deliveries are claimed at once: twice as many after each quick batch, one after a slow one."""

    def __init__(self) -> None:
        self.size = 1

    def was(self, *, seconds: float, is_smooth: bool) -> None:
        """Learn from a batch."""
        is_quick = is_smooth and seconds < SLOW_SECONDS
        self.size = min(self.size * 2, LARGEST_BATCH) if is_quick else 1


def drain(lane: str) -> None:
    """Deliver what is due in ``lane`` where a slot of it is free; else leave it to who has one."""
    if lane not in LANES:
        return  # of a newer release
    with deps().slots.take(lane) as has_slot:
        if has_slot:
            with deps().progress.attempt():
                drain_all(lane)
    if not has_slot or attempts_are_due(lane):
        wake_relays()


def drain_all(lane: str) -> int:
    """Deliver what is due in ``lane``, for at most ``DRAIN_SECONDS``; how many attempts were made."""
    pace, end, made = Pace(), time.monotonic() + DRAIN_SECONDS, 0
    while time.monotonic() < end and deps().sender.is_available():
        term = Term(deps().settings.attempt_lease_seconds)
        claims = _claim(lane, pace.size, term)
        if not claims:
            break
        made += len(claims)
        begun = time.monotonic()
        is_smooth = _deliver_all(claims, term)
        pace.was(seconds=time.monotonic() - begun, is_smooth=is_smooth)
    return made


def _claim(lane: str, at_most: int, term: Term) -> Sequence[Claim]:
    claims = queue.claim(lane, at_most=at_most, lease_seconds=term.seconds)
    if len(claims) == at_most and deps().slots.free(lane):
        wake_relays()  # there may be work for another slot
    return claims


def _deliver_all(claims: Sequence[Claim], term: Term) -> bool:
    """Deliver one after the other, and give back the rest where one is slow or the lease is half over;
    whether none was.
    """
    claims = _without_held(claims)
    for done, claim in enumerate(claims, start=1):
        begun = time.monotonic()
        with deps().crowd.attempt(f"domain {claim.domain}", claim.lane):
            outcome = deliver(claim, term)
        is_slow = time.monotonic() - begun > SLOW_SECONDS or term.left_seconds < term.seconds / 2
        if is_slow or _is_trouble(outcome):
            give_back(claims[done:])
            return False
    return True


def _without_held(claims: Sequence[Claim]) -> Sequence[Claim]:
    """What may be delivered now; the rest waits as if it had not been claimed."""
    held = {claim.delivery_id: _held_seconds(claim) for claim in claims}
    later = [claim for claim in claims if held[claim.delivery_id]]
    if later:
        queue.put_off(later, [held[claim.delivery_id] for claim in later])
        log.info("claims_put_off", count=len(later), lane=later[0].lane)
    return [claim for claim in claims if not held[claim.delivery_id]]


def _held_seconds(claim: Claim) -> float:
    """For how long the recipient's domain gets nothing: it asked for that, or is slow and has its share."""
    pause = deps().paces.left_seconds(claim.domain) if claim.lane != URGENT else 0.0
    if not pause and deps().crowd.is_full_for(f"domain {claim.domain}", claim.lane):
        return CROWDED_SECONDS * uniform(1, 5)  # noqa: S311
    return pause


def _is_trouble(outcome: Outcome) -> bool:
    return outcome.status in {"retrying", "outcome_unknown"}


def give_back(claims: Sequence[Claim]) -> None:
    """Let others have what this worker has claimed and not begun."""
    if claims:
        queue.release(claims)
        log.info("claims_given_back", count=len(claims), lane=claims[0].lane)


def attempts_are_due(lane: str) -> bool:
    """Whether something in ``lane`` is due."""
    return lane in queue.due_seconds()


def wake_relays() -> None:
    """Have every worker's relay look at once: one with a free slot rings for what is due."""
    queue.wake_relays()

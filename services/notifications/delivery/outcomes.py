"""What an attempt comes to, decided from what is known of it. Pure but for the dice.

A message is tried again where it is certain that the mail server has not taken it, and where its template
says that a second copy does no harm.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import uniform

LONGEST_WAIT = timedelta(hours=1)
# A worker that dies is nobody's fault for so many times; from then on the message itself is suspected.
DEATHS_WITHOUT_WAIT = 3
# So many copies of a code may be on their way, none of them confirmed, before a person has to look.
SENT_AGAIN_AT_MOST = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the delivery stands after an attempt; ``wait`` says when it is tried again.

    ``attempt`` is the outcome of this attempt alone: it may be unknown, and the message be sent again.
    """

    status: str
    reason: str | None = None
    detail: str | None = None
    wait: timedelta | None = None
    attempt: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a message is tried."""

    first_wait_seconds: float
    hours: float

    def is_over(self, due_at: datetime, now: datetime) -> bool:
        """Whether a message that is due since ``due_at`` has been tried for long enough."""
        return now >= due_at + timedelta(hours=self.hours)

    def wait_after(self, attempts: int) -> timedelta:
        """How long to wait after that many attempts: doubled each time, and never quite in step."""
        doubled = self.first_wait_seconds * 2 ** min(attempts - 1, 20)
        return min(timedelta(seconds=doubled * uniform(0.8, 1.2)), LONGEST_WAIT)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a delivery when an attempt ends.

    ``unknown_count``: how many earlier attempts may have reached somebody, since it was accepted or resent.
    """

    retry_count: int
    due_at: datetime
    now: datetime
    patience: Patience
    is_sent_again: bool = False
    unknown_count: int = 0


def sent(answer: str) -> Outcome:
    """The server took it."""
    return Outcome("sent", detail=answer)


def failed(reason: str, detail: str | None = None) -> Outcome:
    """It will not be tried again, and nobody has it."""
    return Outcome("failed", reason, detail)


def unknown(reason: str, detail: str | None, situation: Situation) -> Outcome:
    """It was handed over and nobody knows whether it was taken: by its template, it is sent again or a person
    decides.
    """
    if not situation.is_sent_again or situation.unknown_count >= SENT_AGAIN_AT_MOST:
        return Outcome("outcome_unknown", reason, detail)
    outcome = not_sent(detail or reason, situation)
    if outcome.status != "retrying":
        return Outcome("outcome_unknown", reason, detail)
    return replace(outcome, reason=reason, attempt="outcome_unknown")


def not_sent(detail: str, situation: Situation, *, least_wait: timedelta = timedelta(0)) -> Outcome:
    """The server has not taken it, and may later, where it asked for that after ``least_wait``."""
    if situation.patience.is_over(situation.due_at, situation.now):
        return failed("tried_too_long", detail)
    wait = max(situation.patience.wait_after(max(situation.retry_count, 1)), min(least_wait, LONGEST_WAIT))
    return Outcome("retrying", detail=detail, wait=wait)


def lost(situation: Situation, *, is_handed_over: bool) -> Outcome:
    """The worker died in the middle of the attempt."""
    if is_handed_over:
        return unknown("worker_lost", "the worker died after the message was handed over", situation)
    if situation.retry_count <= DEATHS_WITHOUT_WAIT:
        return Outcome("retrying", "worker_lost", "the worker died", wait=timedelta(0))
    suspected = replace(situation, retry_count=situation.retry_count - DEATHS_WITHOUT_WAIT)
    outcome = not_sent("the worker died", suspected)
    return replace(outcome, reason=outcome.reason or "worker_lost")

"""What an attempt comes to, decided from what is known of it. Pure but for the dice.

A mail is tried again only where it is certain that the mail server has not taken it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import uniform

LONGEST_WAIT = timedelta(hours=1)
# A worker that dies is nobody's fault for so many times; from then on the mail itself is suspected.
DEATHS_WITHOUT_WAIT = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to; ``wait`` says when it is tried again, ``is_written`` that it is stored."""

    status: str
    reason: str | None = None
    detail: str | None = None
    wait: timedelta | None = None
    is_written: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a mail is tried."""

    first_wait_seconds: float
    hours: float

    def is_over(self, due_at: datetime, now: datetime) -> bool:
        """Whether a mail that is due since ``due_at`` has been tried for long enough."""
        return now >= due_at + timedelta(hours=self.hours)

    def wait_after(self, attempts: int) -> timedelta:
        """How long to wait after that many attempts: doubled each time, and never quite in step."""
        doubled = self.first_wait_seconds * 2 ** min(attempts - 1, 20)
        return min(timedelta(seconds=doubled * uniform(0.8, 1.2)), LONGEST_WAIT)  # noqa: S311


def sent(answer: str) -> Outcome:
    """The server took it."""
    return Outcome("sent", detail=answer)


def failed(reason: str, detail: str | None = None) -> Outcome:
    """It will not be tried again, and nobody has it."""
    return Outcome("failed", reason, detail)


def unknown(reason: str, detail: str | None = None) -> Outcome:
    """It was handed over and nobody knows whether it was taken; a person resolves it."""
    return Outcome("outcome_unknown", reason, detail)


def not_sent(detail: str, *, attempts: int, due_at: datetime, now: datetime, patience: Patience) -> Outcome:
    """The server has not taken it, and may later."""
    if patience.is_over(due_at, now):
        return failed("tried_too_long", detail)
    return Outcome("retrying", detail=detail, wait=patience.wait_after(attempts))


def lost(
    *, is_handed_over: bool, attempts: int, due_at: datetime, now: datetime, patience: Patience
) -> Outcome:
    """The worker died in the middle of the attempt."""
    if is_handed_over:
        return unknown("worker_lost", "the worker died after the mail was handed over")
    if attempts <= DEATHS_WITHOUT_WAIT:
        return Outcome("retrying", "worker_lost", "the worker died", wait=timedelta(0))
    outcome = not_sent(
        "the worker died", attempts=attempts - DEATHS_WITHOUT_WAIT, due_at=due_at, now=now, patience=patience
    )
    return Outcome(outcome.status, outcome.reason or "worker_lost", outcome.detail, outcome.wait)

"""The end of an attempt: written through its fence, so that whoever was overtaken writes nothing."""

import time
from functools import lru_cache

from prometheus_client import Counter
from sqlalchemy.exc import InterfaceError, OperationalError

from services.notifications.delivery.outcomes import Outcome
from services.notifications.metrics import ATTEMPTS, EMAILS, HANDOVER_SECONDS
from services.notifications.rendering import version_choice
from services.notifications.store import attempts
from services.notifications.store.attempts import Ending
from services.notifications.store.queue import Claim
from shared.chassis.logs import get_logger

# What the mail server answered shall not be lost with a moment of the database's.
FINISH_SECONDS = 20.0
FINISH_PAUSE_SECONDS = 0.5

log = get_logger(__name__)


def finish(claim: Claim, outcome: Outcome, *, phase: str | None = None, server: str | None = None) -> bool:
    """Write what the attempt came to; False where somebody else has ended it or begun another."""
    ending = Ending(
        status=outcome.status,
        outcome=outcome.attempt or outcome.status,
        reason=outcome.reason,
        detail=outcome.detail or outcome.reason,
        phase=phase,
        server=server,
        wait_seconds=outcome.wait.total_seconds() if outcome.wait is not None else None,
        is_content_erased=_is_content_erased(claim, outcome),
    )
    is_ours = _write_patiently(claim, ending)
    _report(claim, ending, is_ours=is_ours)
    return is_ours


def _write_patiently(claim: Claim, ending: Ending) -> bool:
    deadline = time.monotonic() + FINISH_SECONDS
    while True:
        try:
            return attempts.finish(claim, ending)
        except (OperationalError, InterfaceError):
            if time.monotonic() >= deadline:
                raise
            time.sleep(FINISH_PAUSE_SECONDS)


def _is_content_erased(claim: Claim, outcome: Outcome) -> bool:
    """Whether nobody needs the content any more: a code that was sent or has expired."""
    template = version_choice.template_of(claim.template, claim.template_version)
    holds_code = template is not None and template.holds_code
    return holds_code and (outcome.status == "sent" or outcome.reason == "expired")


def _report(claim: Claim, ending: Ending, *, is_ours: bool) -> None:
    for counter in _counters(claim.template, ending.status, ending.server or "none", ending.outcome):
        counter.inc()
    log.info(
        "attempt_finished",
        message_id=str(claim.message_id),
        attempt=claim.number,
        status=ending.status,
        outcome=ending.outcome,
        server=ending.server,
        is_ours=is_ours,
    )


@lru_cache(maxsize=1024)
def _counters(template: str, status: str, server: str, outcome: str) -> tuple[Counter, Counter]:
    """What counts attempts with such an end: to look it up costs more than to count."""
    return EMAILS.labels(template, status), ATTEMPTS.labels(server, outcome)


def observe_handover(lane: str, seconds: float) -> None:
    """Count how long a message that was sent had been due."""
    HANDOVER_SECONDS.labels(lane).observe(max(seconds, 0.0))

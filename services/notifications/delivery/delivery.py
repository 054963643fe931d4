"""One attempt at one delivery: rendered, handed to a mail server, and its outcome written as it is known.

    queued, scheduled, retrying ─▶ sending ─▶ sent
                ▲                     │ ├───▶ failed            refused for good, expired, tried for too long
                └──── refused ────────┘ └───▶ outcome_unknown   handed over, and no answer came

The note that a message is being handed over is confirmed by PostgreSQL before the final dot goes out: one
row, and only while the lease lasts. So a worker that was paused past its lease, or has a wrong clock, sends
nothing.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from sqlalchemy.exc import SQLAlchemyError

from services.notifications.delivery import outcomes
from services.notifications.delivery.finishing import FINISH_SECONDS, finish, observe_handover
from services.notifications.delivery.outcomes import Outcome, Situation
from services.notifications.deps import deps
from services.notifications.errors import TemplateUnknown, VariablesInvalid
from services.notifications.rendering import catalog, rendering, version_choice
from services.notifications.smtp.refusals import NotNoted, OutcomeUnknown, Refused
from services.notifications.store import attempts
from services.notifications.store.queue import Claim
from services.notifications.templating.compiling import Rendered
from shared.chassis import tracing
from shared.chassis.logs import get_logger
from shared.chassis.sealing import SealBroken

# An attempt that has come to the handover with less left of its lease gives up: somebody else may begin.
LEAST_LEFT_SECONDS = 1.0
# Between PostgreSQL's answer and the dot lie microseconds; a process that was stopped there sends nothing.
LONGEST_GAP_SECONDS = 5.0

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Term:
    """How long claims are ours. Begun before they were made, and counted by a clock that nobody sets."""

    seconds: float
    began: float = field(default_factory=time.monotonic)

    @property
    def left_seconds(self) -> float:
        """What is left of the lease."""
        return self.began + self.seconds - time.monotonic()

    def now(self, claimed_at: datetime) -> datetime:
        """The present moment by PostgreSQL's clock, which said ``claimed_at`` when the term began."""
        return claimed_at + timedelta(seconds=time.monotonic() - self.began)


def deliver(claim: Claim, term: Term) -> Outcome:
    """Make the attempt that was claimed, and write what it came to."""
    handover = _Handover(claim, term)
    with tracing.tracing(tracing.from_headers(claim.trace or {})):
        outcome = _try(claim, handover)
        finish(claim, outcome, phase=handover.phase, server=handover.server)
    if outcome.status == "sent":
        observe_handover(claim.lane, (term.now(claim.claimed_at) - claim.due_at).total_seconds())
    return outcome


def situation(claim: Claim, now: datetime) -> Situation:
    """What is known of the delivery when the attempt ends."""
    template = version_choice.template_of(claim.template, claim.template_version)
    is_sent_again = template is not None and template.is_sent_again
    return Situation(
        retry_count=claim.retry_count,
        due_at=claim.due_at,
        now=now,
        patience=deps().patience,
        is_sent_again=is_sent_again,
        unknown_count=attempts.unknown_count(claim) if is_sent_again else 0,
    )


def _try(claim: Claim, handover: "_Handover") -> Outcome:
    now = handover.term.now(claim.claimed_at)
    if claim.expires_at is not None and claim.expires_at <= now:
        return outcomes.failed("expired")
    try:
        content = _content(claim)
    except (TemplateUnknown, VariablesInvalid) as error:
        return outcomes.failed(error.code, _pointers(error))
    except (*rendering.MISTAKES, SealBroken) as error:
        return outcomes.failed("not_renderable", repr(error))
    return _send(claim, content, handover)


def _content(claim: Claim) -> Rendered:
    if claim.sealed_variables is None:
        raise SealBroken("the content was erased")
    variables = orjson.loads(deps().sealer.open(claim.sealed_variables))
    version = version_choice.find(claim.template, claim.template_version)
    if version is None:
        raise TemplateUnknown
    catalog.check_complete(version.template, variables)
    return rendering.render(version, claim.locale, variables, deps().look)


def _pointers(error: TemplateUnknown | VariablesInvalid) -> str:
    return " ".join(mistake["pointer"] for mistake in error.errors or [])


def _send(claim: Claim, content: Rendered, handover: "_Handover") -> Outcome:
    try:
        answer = deps().sender.send(
            content, to_email=claim.address, message_id=claim.header_message_id, handover=handover
        )
    except Refused as error:
        handover.ended(error.phase, error.server)
        return _refused(error, claim, handover.situation)
    except NotNoted as error:
        cause = repr(error.__cause__ or error)
        log.warning("handover_not_noted", message_id=str(claim.message_id), cause=cause)
        return outcomes.not_sent(f"the handover could not be noted: {error}", handover.situation)
    except OutcomeUnknown as error:
        return outcomes.unknown("no_answer", str(error), handover.situation)
    except Exception as error:
        # A surprise must neither lose the message nor send it twice, nor be repeated for ever. What it says
        # is for the log alone: nobody knows what of ours is in it, and programs read the timeline.
        log.exception("attempt_surprised", message_id=str(claim.message_id))
        detail = f"{type(error).__name__}, which the worker's log describes"
        if handover.is_noted:
            return outcomes.unknown("no_answer", detail, handover.situation)
        return outcomes.not_sent(detail, handover.situation)
    handover.ended("answer", handover.server)
    deps().paces.took(claim.domain)
    return outcomes.sent(answer)


def _refused(error: Refused, claim: Claim, known: Situation) -> Outcome:
    if error.is_permanent:
        deps().paces.took(claim.domain)
        return outcomes.failed("refused", str(error))
    if not error.is_servers_fault:
        deps().paces.put_off(claim.domain, error.least_wait.total_seconds())
    return outcomes.not_sent(str(error), known, least_wait=error.least_wait)


@dataclass(slots=True)
class _Handover:
    """The handover of one attempt, as the conversation with the mail server sees it."""

    claim: Claim
    term: Term
    is_noted: bool = field(default=False, init=False)
    phase: str | None = field(default=None, init=False)
    server: str | None = field(default=None, init=False)

    @property
    def situation(self) -> Situation:
        """What is known of the delivery now."""
        return situation(self.claim, self.term.now(self.claim.claimed_at))

    @property
    def left_seconds(self) -> float:
        """For how long the attempt is ours."""
        return self.term.left_seconds - LEAST_LEFT_SECONDS

    @property
    def lane(self) -> str:
        """The lane that the message waits in."""
        return self.claim.lane

    def note(self, server: str) -> None:
        """Return when PostgreSQL has noted the handover; raises NotNoted where it has not, or too late."""
        if self.left_seconds <= 0:
            raise NotNoted("the lease is all but over")
        begun = time.monotonic()
        answer_within = deps().settings.smtp_final_timeout_seconds + FINISH_SECONDS
        try:
            is_ours = attempts.note_handover(self.claim, server=server, lease_seconds=answer_within)
        except SQLAlchemyError as error:
            raise NotNoted("the database has not answered") from error
        if not is_ours:
            raise NotNoted("the attempt is not ours any more")
        if time.monotonic() - begun > LONGEST_GAP_SECONDS:
            raise NotNoted("the note took too long")
        self.is_noted = True
        self.ended("handed_over", server)

    def ended(self, phase: str, server: str | None) -> None:
        """Remember how far the conversation came, and with whom."""
        self.phase, self.server = phase, server
